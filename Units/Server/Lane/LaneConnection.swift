import DaemonSupport
import Sockets
import TrancheCore

/// One buyer's connection in a lane. Its place in the lane is used again when it has gone.
struct LaneConnection {
    /// When more than this waits to be served, no more is read.
    static let pendingBytesLimit = 32 << 10
    /// Requests of one connection that one turn serves; the rest waits for the next turn, behind everybody else.
    static let requestsPerTurn = 16

    /// -1 for a place that nobody has.
    var descriptor: Int32 = -1
    var address = ClientAddress.local
    /// Raised with every request: the rest of the ticket's number.
    var count: UInt32 = 0
    /// A request of this connection has not been answered.
    var isAsking = false
    /// The intake's life in which the request was handed in.
    var life: UInt64 = .max
    var keepsAlive = true
    /// The other side sends no more.
    var inputIsClosed = false
    /// The last answer has been sent: whatever comes is thrown away until the other side closes.
    var isLeaving = false
    var watch = RequestWatch(bytesLimit: 0, now: 0)
    /// What came behind the request that is being decided, or a part of the next one, from `pendingStart` on.
    private(set) var pending: [UInt8] = []
    private(set) var pendingStart = 0
    /// Answers that the socket did not take at once.
    var outgoing: [UInt8] = []
    /// What the poller was told last.
    var interest = Poller.Interest.read
    /// Requests that were served in the turn of this number.
    var servedInTurn = 0
    var turn: UInt64 = 0

    var hasPending: Bool { self.pendingStart < self.pending.count }

    /// Whether what waits begins with a whole head, and only its body is missing.
    var hasWholeHead: Bool {
        let waiting = self.pending[self.pendingStart...]
        return zip(waiting.indices, waiting.dropFirst(3)).contains { place, last in
            last == 10 && waiting[place] == 13 && waiting[place + 1] == 10 && waiting[place + 2] == 13
        }
    }

    /// The one place that decides whether a connection is read: not while an answer waits to be taken, and not while enough
    /// waits to be served.
    var wantsToRead: Bool {
        !self.inputIsClosed && self.outgoing.isEmpty
            && self.pending.count - self.pendingStart <= Self.pendingBytesLimit
    }

    mutating func keep(_ bytes: some Sequence<UInt8>) { self.pending.append(contentsOf: bytes) }

    /// Takes out what waits, to be put back with ``putBack(_:from:)``.
    mutating func takePending() -> (bytes: [UInt8], start: Int) {
        defer { (self.pending, self.pendingStart) = ([], 0) }
        return (self.pending, self.pendingStart)
    }

    /// Nothing is copied until half of it has been served.
    mutating func putBack(_ bytes: [UInt8], from start: Int) {
        guard start < bytes.count else { return }
        (self.pending, self.pendingStart) = start * 2 > bytes.count ? (Array(bytes[start...]), 0) : (bytes, start)
    }

    mutating func dropPending() { (self.pending, self.pendingStart) = ([], 0) }
}
