package import DaemonSupport
import NIOConcurrencyHelpers
import ServiceLifecycle
package import TrancheCore

/// The streams of server-sent events, each with the changes of one order.
package final class OrderWatch: Service {
    /// Streams of one unit at a time, at most; one more is refused as overloaded.
    package static let streamsLimit = 10_000
    /// Streams of one order at a time: enough for the windows of its buyer.
    package static let streamsPerOrder = 8
    /// The longest time without an event on a stream. A heartbeat finds readers that have gone, and keeps proxies from
    /// closing the stream.
    package static let heartbeat = Duration.seconds(15)

    package enum Signal: Sendable { case changed, heartbeat }

    private struct State {
        var count: UInt64 = 0
        var streams: [OrderID: [UInt64: AsyncStream<Signal>.Continuation]] = [:]
        var total = 0
        var isFinished = false
    }
    private let state = NIOLockedValueBox(State())
    private let limit: Int
    private let heartbeat: Duration
    private let telemetry: Telemetry

    /// - Parameter connections: Connections of the listener. Streams are never idle, so they get half of the
    ///   connections, and the other half is free for purchases.
    package init(connections: Int = .max, heartbeat: Duration = OrderWatch.heartbeat, telemetry: Telemetry) {
        self.limit = min(Self.streamsLimit, max(1, connections / 2))
        (self.heartbeat, self.telemetry) = (heartbeat, telemetry)
    }

    /// A stream that yields after each change, until it is cancelled; `nil` if there are too many, or no more.
    ///
    /// One signal may stand for several changes, so the receiver reads the order.
    package func changes(of order: OrderID) -> AsyncStream<Signal>? {
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = self.state.withLockedValue { state in
            guard state.total < self.limit, state.streams[order]?.count ?? 0 < Self.streamsPerOrder, !state.isFinished
            else { return nil }
            state.total += 1
            state.count += 1
            state.streams[order, default: [:]][state.count] = continuation
            return state.count
        }
        guard let number else { return nil }
        self.setGauge()
        continuation.onTermination = { _ in self.remove(number, order) }
        return stream
    }

    /// Streams that may be open.
    var mostStreams: Int { self.limit }

    /// Streams that are open.
    package var count: Int { self.state.withLockedValue { $0.total } }

    private func setGauge() {
        self.telemetry.set(
            "tranche_event_streams", "Streams of server-sent events that are open.", to: Double(self.count))
    }

    private func remove(_ number: UInt64, _ order: OrderID) {
        self.state.withLockedValue { state in
            guard state.streams[order]?.removeValue(forKey: number) != nil else { return }
            state.total -= 1
            if state.streams[order]?.isEmpty == true { state.streams[order] = nil }
        }
        self.setGauge()
    }

    package func wake(_ orders: [OrderID]) {
        guard !orders.isEmpty else { return }
        let woken = self.state.withLockedValue { state in
            state.total == 0 ? [] : orders.flatMap { state.streams[$0].map { Array($0.values) } ?? [] }
        }
        for continuation in woken { continuation.yield(.changed) }
    }

    /// Lets every stream look again whether it may go on.
    package func wakeAll() {
        for continuation in self.all { continuation.yield(.changed) }
    }

    /// Sends heartbeats until graceful shutdown. Then it ends every stream, because long streams would delay the
    /// shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: self.heartbeat)
                if Task.isCancelled { break }
                for continuation in self.all { continuation.yield(.heartbeat) }
            }
        }
        self.state.withLockedValue { $0.isFinished = true }
        for continuation in self.all { continuation.finish() }
    }

    private var all: [AsyncStream<Signal>.Continuation] {
        self.state.withLockedValue { state in state.streams.values.flatMap { Array($0.values) } }
    }
}
