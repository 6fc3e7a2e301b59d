package import Edge
package import Sockets

/// One slot of a lane, and the buyer's connection in it. The slot is used again after its connection has ended.
///
/// The state says what the connection waits for. Every change of it is a method here, and a change that the state does
/// not allow ends the process: the lane would answer the wrong buyer.
package struct LaneConnection {
    /// With more bytes than this waiting to be served, the connection is not read.
    package static let pendingBytesLimit = 32 << 10
    /// Requests of one connection that one turn serves. The rest waits for the next turn, behind the other connections.
    package static let requestsPerTurn = 16

    package enum State: Hashable, Sendable {
        /// No connection has the slot.
        ///
        /// Can transition to: `listening`, when one is accepted.
        case free
        /// Every request has its answer, and the next one is read.
        ///
        /// Can transition to: `asking`, when a request is whole or takes too long to become whole; `free`, when the
        /// connection is closed or handed over.
        case listening
        /// A request was read in this turn, and has not been handed in.
        ///
        /// Can transition to: `queued`, when the intake took it; `answering`, when its answer is known at once; `free`.
        case asking(keepsAlive: Bool)
        /// The request waits for the engine. It was handed in during this recovery of the intake.
        ///
        /// Can transition to: `answering`, when its answer has come; `free`.
        case queued(recovery: UInt64, keepsAlive: Bool)
        /// An answer is being written. Bytes that the socket did not take at once are in `outgoing`.
        ///
        /// Can transition to: `listening`, when all of it was taken; `leaving`, when it was the last answer; `free`.
        case answering(keepsAlive: Bool)
        /// The last answer was written. Further bytes are discarded until the client closes.
        ///
        /// Can transition to: `free`.
        case leaving
    }

    package init() {}

    package private(set) var state = State.free
    /// The descriptor of the connection that has the slot; -1 for a free one.
    package private(set) var descriptor: Int32 = -1
    package private(set) var address = ClientAddress.local
    /// The peer is a proxy, and has not said yet who the client is.
    package private(set) var awaitsProxyHeader = false
    /// Raised with every request and kept from one connection to the next: the rest of the ticket's number.
    package private(set) var count: UInt32 = 0
    /// When the last request began to wait for the engine, in the lane's microseconds.
    package var waitsSince: Int64 = 0
    /// The client sends no more. Answers may still reach it.
    package private(set) var inputIsClosed = false
    package var watch = RequestWatch(bytesLimit: 0, now: 0)
    /// Bytes behind the request that waits for its answer, or a part of the next request, from `pendingStart` on.
    private(set) var pending: [UInt8] = []
    private(set) var pendingStart = 0
    /// The rest of an answer that the socket did not take at once. Empty except in `answering`.
    package private(set) var outgoing: [UInt8] = []
    /// The interest that the poller has.
    package var interest = Poller.Interest.read
    /// Requests that were served in the turn of this number.
    private var servedInTurn = 0
    private var turn: UInt64 = 0

    package var isOpen: Bool { self.state != .free }
    package var isLeaving: Bool { self.state == .leaving }
    /// The next request may be taken.
    package var mayServe: Bool { self.state == .listening }

    /// A request of this connection waits for its answer.
    package var isAsking: Bool {
        switch self.state {
        case .asking, .queued: true
        case .free, .listening, .answering, .leaving: false
        }
    }

    /// A request waits for its answer, or an answer for the socket.
    package var isBusy: Bool {
        switch self.state {
        case .asking, .queued, .answering: true
        case .free, .listening, .leaving: false
        }
    }

    /// A request waits that was handed in before this recovery of the intake.
    package func isQueued(before recovery: UInt64) -> Bool {
        if case .queued(let mine, _) = self.state { mine < recovery } else { false }
    }

    /// Whether the connection is read: not while an answer is unsent, and not while the limit of waiting bytes is
    /// reached. Only this property decides it.
    package var wantsToRead: Bool {
        !self.inputIsClosed && self.outgoing.isEmpty
            && self.pending.count - self.pendingStart <= Self.pendingBytesLimit
    }
}

// Changes of state, in the order of a connection's life.
extension LaneConnection {
    package mutating func accept(
        _ descriptor: Int32, _ address: ClientAddress, isProxy: Bool = false, now: Int64
    ) {
        guard case .free = self.state else { self.trap("accept") }
        let count = self.count &+ 1
        self = LaneConnection()
        (self.state, self.descriptor, self.address, self.count) = (.listening, descriptor, address, count)
        self.awaitsProxyHeader = isProxy
        // The lane hands longer requests over, and `wantsToRead` limits the bytes behind a request.
        self.watch = RequestWatch(bytesLimit: .max, now: now)
    }

    /// The proxy has said who the client is.
    package mutating func setClient(_ address: ClientAddress) {
        guard case .listening = self.state, self.awaitsProxyHeader else { self.trap("set a client's address") }
        (self.address, self.awaitsProxyHeader) = (address, false)
    }

    /// A whole request was read.
    ///
    /// - Parameter turn: The number of the lane's turn, in which only so many requests are served.
    /// - Returns: The number of its ticket.
    package mutating func beginRequest(turn: UInt64, keepsAlive: Bool) -> UInt32 {
        guard case .listening = self.state else { self.trap("ask") }
        self.state = .asking(keepsAlive: keepsAlive)
        self.servedInTurn = self.turn == turn ? self.servedInTurn + 1 : 1
        self.turn = turn
        self.count &+= 1
        self.watch.requestEnded()
        return self.count
    }

    /// A request took too long to become whole: it is answered as it is, and no other one is read.
    package mutating func giveUpReading() {
        guard case .listening = self.state else { self.trap("give up reading") }
        self.state = .asking(keepsAlive: false)
    }

    /// The intake took the request, and its answer comes later.
    package mutating func markQueued(recovery: UInt64) {
        guard case .asking(let keepsAlive) = self.state else { self.trap("be queued") }
        self.state = .queued(recovery: recovery, keepsAlive: keepsAlive)
    }

    /// Begins the answer.
    ///
    /// - Returns: Whether the client keeps the connection open after it.
    package mutating func beginAnswer(now: Int64) -> Bool {
        switch self.state {
        case .asking(let keepsAlive), .queued(_, let keepsAlive):
            self.state = .answering(keepsAlive: keepsAlive)
            self.watch.answered(now: now)
            return keepsAlive
        case .free, .listening, .answering, .leaving: self.trap("begin an answer")
        }
    }

    /// The socket took only a part of the answer.
    package mutating func keepUnsent(_ rest: ArraySlice<UInt8>, now: Int64) {
        guard case .answering = self.state, self.outgoing.isEmpty else { self.trap("keep \(rest.count) unsent bytes") }
        self.outgoing = Array(rest)
        self.watch.setUnsent(true, now: now)
    }

    /// The socket took more of the answer.
    ///
    /// - Returns: Whether all of it is written.
    package mutating func wrote(_ count: Int, now: Int64) -> Bool {
        guard case .answering = self.state, count <= self.outgoing.count else { self.trap("write \(count) bytes") }
        self.outgoing.removeFirst(count)
        guard self.outgoing.isEmpty else { return false }
        self.watch.setUnsent(false, now: now)
        return true
    }

    /// The whole answer is on its way.
    ///
    /// - Parameter isLast: The lane reads no more requests.
    package mutating func endAnswer(isLast: Bool, now: Int64) {
        guard case .answering(let keepsAlive) = self.state, self.outgoing.isEmpty else { self.trap("end an answer") }
        guard isLast || !keepsAlive else { return self.state = .listening }
        self.state = .leaving
        self.watch.leave(now: now)
        (self.pending, self.pendingStart) = ([], 0)
    }

    package mutating func closeInput() {
        guard self.isOpen, !self.inputIsClosed else { self.trap("close the input") }
        self.inputIsClosed = true
    }

    /// The connection has ended, or has gone to the ordinary stack.
    package mutating func free() {
        guard self.isOpen else { self.trap("free") }
        let count = self.count
        self = LaneConnection()
        self.count = count
    }

    private func trap(_ change: String) -> Never {
        fatalError(
            "a connection in state \(self.state) cannot \(change); descriptor \(self.descriptor), count \(self.count), "
                + "\(self.outgoing.count) bytes unsent")
    }
}

// Bytes that were read and not served.
extension LaneConnection {
    package var hasPending: Bool { self.pendingStart < self.pending.count }

    /// Whether the waiting bytes begin with a whole head, so that only the body is missing.
    package var hasWholeHead: Bool {
        let waiting = self.pending[self.pendingStart...]
        return zip(waiting.indices, waiting.dropFirst(3)).contains { slot, last in
            last == 10 && waiting[slot] == 13 && waiting[slot + 1] == 10 && waiting[slot + 2] == 13
        }
    }

    package mutating func keep(_ bytes: some Sequence<UInt8>) { self.pending.append(contentsOf: bytes) }

    /// Takes the waiting bytes, to be put back with ``putBack(_:from:)``.
    package mutating func takePending() -> (bytes: [UInt8], start: Int) {
        defer { (self.pending, self.pendingStart) = ([], 0) }
        return (self.pending, self.pendingStart)
    }

    /// Puts back the bytes that were not served. Copies them only when half has been served.
    package mutating func putBack(_ bytes: [UInt8], from start: Int) {
        guard start < bytes.count else { return }
        (self.pending, self.pendingStart) = start * 2 > bytes.count ? (Array(bytes[start...]), 0) : (bytes, start)
    }

    /// Whether the connection has used up its requests of this turn, and waits for the next one.
    package func isPostponed(in turn: UInt64) -> Bool { self.turn == turn && self.servedInTurn >= Self.requestsPerTurn }
}
