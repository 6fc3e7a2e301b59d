import NIOConcurrencyHelpers
import TrancheCore

/// One buyer's connection in a lane. Its place in the lane is used again when it has gone.
struct LaneConnection {
    /// When more than this waits behind a request that is being decided, no more is read.
    static let pendingBytesLimit = 32 << 10

    /// -1 for a place that nobody has.
    var descriptor: Int32 = -1
    /// Raised with every request: the rest of the ticket's number.
    var count: UInt32 = 0
    /// A request of this connection has not been answered.
    var isAsking = false
    /// The intake's life in which the request was handed in.
    var life: UInt64 = .max
    /// Not read from: enough of it waits.
    var isDeaf = false
    var keepsAlive = true
    /// The other side sends no more.
    var inputIsClosed = false
    /// The last answer has been sent: whatever comes is thrown away until the other side closes.
    var isLeaving = false
    var lastMoved: Int64 = 0
    /// What came behind the request that is being decided, or a part of the next one.
    var pending: [UInt8] = []
    /// Answers that the socket did not take at once.
    var outgoing: [UInt8] = []
}

/// Open connections of a unit, over all lanes and the ordinary stack.
final class ConnectionCount: Sendable {
    let limit: Int
    private let count = NIOLockedValueBox(0)

    init(limit: Int) { self.limit = limit }

    /// - Returns: `false` at the limit.
    func enter() -> Bool {
        self.count.withLockedValue { count in
            guard count < self.limit else { return false }
            count += 1
            return true
        }
    }

    func leave() { self.count.withLockedValue { $0 -= 1 } }

    var isFull: Bool { self.count.withLockedValue { $0 >= self.limit } }
}
