import NIOConcurrencyHelpers
import TrancheCore

/// Those who want to hear of every change of an order: the streams of server-sent events.
final class OrderWatch: Sendable {
    /// Streams of one unit at a time; one more is refused as overloaded.
    static let streamsLimit = 10_000

    private struct State {
        var count: UInt64 = 0
        var streams: [OrderID: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var total = 0
        var isFinished = false
    }
    private let state = NIOLockedValueBox(State())

    /// A stream that yields after each change, until it is cancelled; `nil` if there are too many, or no more.
    func changes(of order: OrderID) -> AsyncStream<Void>? {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = self.state.withLockedValue { state in
            guard state.total < Self.streamsLimit, !state.isFinished else { return nil }
            state.total += 1
            state.count += 1
            state.streams[order, default: [:]][state.count] = continuation
            return state.count
        }
        guard let number else { return nil }
        continuation.onTermination = { _ in self.remove(number, order) }
        return stream
    }

    private func remove(_ number: UInt64, _ order: OrderID) {
        self.state.withLockedValue { state in
            guard state.streams[order]?.removeValue(forKey: number) != nil else { return }
            state.total -= 1
            if state.streams[order]?.isEmpty == true { state.streams[order] = nil }
        }
    }

    func wake(_ orders: [OrderID]) {
        guard !orders.isEmpty else { return }
        let woken = self.state.withLockedValue { state in
            state.total == 0 ? [] : orders.flatMap { state.streams[$0].map { Array($0.values) } ?? [] }
        }
        for continuation in woken { continuation.yield() }
    }

    /// Ends every stream: long streams would hold a shutdown up.
    func finish() {
        let all = self.state.withLockedValue { state in
            state.isFinished = true
            return state.streams.values.flatMap { Array($0.values) }
        }
        for continuation in all { continuation.finish() }
    }
}
