import Foundation
import Histogram
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TrancheAPI
package import TrancheCore

/// The ceiling of one unit: each connection asks again as soon as it is answered, each time as another buyer.
package enum ClosedLoop {
    package struct Result: Sendable, Codable {
        package let connections: Int
        package let seconds: Double
        package let orders: Int
        package let ordersPerSecond: Double
        package let refusals: Int
        package let p50Milliseconds: Double
        package let p99Milliseconds: Double
        package let acknowledged: [OrderID]
    }

    /// Makes the requests first, then runs them for `seconds` or until they are used up.
    package static func run(_ target: LoadTarget, connections: Int, seconds: Double, requests: Int) async throws
        -> Result
    {
        let codec = TokenCodec(secret: target.tokenSecret)
        let unit = target.units[0]
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let run = UInt64.random(in: 0...UInt64.max)
        let made = (0..<requests).map { number -> (OrderID, ByteBuffer) in
            let id = OrderID(high: run, low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
            let token = codec.mint(
                PurchaseToken(
                    order: id, lot: target.lot, home: unit.id, buyer: BuyerID("b\(run % 100_000)-\(number)")!,
                    issuedAt: now,
                    notBefore: Instant(microseconds: now.microseconds - 5_000_000),
                    expiresAt: now.advanced(milliseconds: 3_600_000)))
            return (
                id,
                ByteBuffer(
                    string:
                        "POST /v1/lots/\(target.lot)/orders HTTP/1.1\r\nHost: tranche\r\nAuthorization: Bearer \(token)\r\nContent-Length: 0\r\n\r\n"
                )
            )
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        let shared = ClosedLoopState(made)
        let parts = unit.url.dropFirst("http://".count).split(separator: ":")
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<connections {
                tasks.addTask {
                    let done = group.next().makePromise(of: Void.self)
                    _ = try await ClientBootstrap(group: group).channelOption(.tcpOption(.tcp_nodelay), value: 1)
                        .channelInitializer { channel in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(
                                    ClosedLoopHandler(shared, end: end, done: done))
                            }
                        }.connect(host: String(parts[0]), port: Int(parts[1]) ?? 0).get()
                    try await done.futureResult.get()
                }
            }
            try await tasks.waitForAll()
        }
        return shared.result(connections: connections, took: ContinuousClock.now - start)
    }
}

/// What all connections share; they live on one event loop.
final class ClosedLoopState: @unchecked Sendable {  // Touched on the one event loop, and after it has come to rest.
    private var requests: [(OrderID, ByteBuffer)]
    private var next = 0
    private var acknowledged: [OrderID] = []
    private var refusals = 0
    private var histogram = Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)

    init(_ requests: [(OrderID, ByteBuffer)]) { self.requests = requests }

    func take() -> (OrderID, ByteBuffer)? {
        guard self.next < self.requests.count else { return nil }
        defer { self.next += 1 }
        return self.requests[self.next]
    }

    func answered(_ order: OrderID, _ status: Int, microseconds: UInt64) {
        if status == 201 { self.acknowledged.append(order) } else { self.refusals += 1 }
        _ = self.histogram.record(min(microseconds, 60_000_000))
    }

    func result(connections: Int, took: Duration) -> ClosedLoop.Result {
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        return ClosedLoop.Result(
            connections: connections, seconds: seconds, orders: self.acknowledged.count,
            ordersPerSecond: Double(self.acknowledged.count) / seconds, refusals: self.refusals,
            p50Milliseconds: Double(self.histogram.valueAtPercentile(50)) / 1_000,
            p99Milliseconds: Double(self.histogram.valueAtPercentile(99)) / 1_000, acknowledged: self.acknowledged)
    }
}

/// One connection of the closed loop.
final class ClosedLoopHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let shared: ClosedLoopState
    private let end: ContinuousClock.Instant
    private let done: EventLoopPromise<Void>
    private var buffer = ByteBuffer()
    private var order: OrderID?
    private var askedAt = ContinuousClock.now

    init(_ shared: ClosedLoopState, end: ContinuousClock.Instant, done: EventLoopPromise<Void>) {
        self.shared = shared
        self.end = end
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) { self.ask(context) }

    private func ask(_ context: ChannelHandlerContext) {
        self.askedAt = .now
        guard self.askedAt < self.end, let (order, request) = self.shared.take() else {
            return context.close(promise: nil)
        }
        self.order = order
        context.writeAndFlush(self.wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.buffer.writeBuffer(&bytes)
        guard let order = self.order, let status = Self.parse(&self.buffer) else { return }
        let (seconds, attoseconds) = (ContinuousClock.now - self.askedAt).components
        self.shared.answered(order, status, microseconds: UInt64(seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
        self.ask(context)
    }

    func channelInactive(context: ChannelHandlerContext) { self.done.succeed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// The status of a whole answer; the head is searched as bytes, so that the generator stays cheap.
    static func parse(_ buffer: inout ByteBuffer) -> Int? {
        buffer.withUnsafeReadableBytes { bytes -> (Int, Int)? in
            guard bytes.count > 16 else { return nil }
            var (place, length) = (9, 0)
            let status = (0..<3).reduce(0) { $0 * 10 + Int(bytes[9 + $1] &- 48) }
            while place + 3 < bytes.count {
                if bytes[place] == 13, bytes[place + 2] == 13 { break }
                if bytes[place] == 10, place + 17 < bytes.count, bytes[place + 1] | 32 == 99,
                    bytes[place + 9] | 32 == 108, bytes[place + 15] == 58
                {
                    var digit = place + 17
                    length = 0
                    while digit < bytes.count, bytes[digit] >= 48, bytes[digit] <= 57 {
                        length = length * 10 + Int(bytes[digit] - 48)
                        digit += 1
                    }
                }
                place += 1
            }
            guard place + 3 < bytes.count, bytes.count >= place + 4 + length else { return nil }
            return (status, place + 4 + length)
        }.map { status, length in
            buffer.moveReaderIndex(forwardBy: length)
            if buffer.readableBytes == 0 { buffer.clear() }
            return status
        }
    }
}
