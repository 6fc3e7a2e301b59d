import Edge
package import Sockets
import Threads
import TrancheAPI

// Bytes out: from an answer to the requests that were sent behind.

extension Lane {
    /// The request waits for an answer that another thread will post.
    ///
    /// - Parameter recovery: See ``forEachWaiting(before:_:)``; 0 where the process has no recoveries.
    package func markWaiting(_ ticket: Ticket, recovery: UInt64 = 0) {
        guard self.isWaiting(ticket) else { return }
        self.connections[ticket.slot].enqueue(recovery: recovery)
    }

    /// Calls `body` with each request that waits, and was handed in before this recovery of the intake.
    package func forEachWaiting(before recovery: UInt64, _ body: (Ticket) -> Void) {
        for slot in self.connections.indices where self.connections[slot].isQueued(before: recovery) {
            body(Ticket(lane: self.number, slot: slot, count: self.connections[slot].count))
        }
    }

    /// The address of the connection that asked under this ticket.
    package func address(of ticket: Ticket) -> ClientAddress { self.connections[ticket.slot].address }

    /// Sends ``answer`` to the connection that asked under this ticket.
    package func send(to ticket: Ticket) {
        guard self.isWaiting(ticket) else { return }
        self.send(ticket.slot)
    }

    /// Whether the connection that asked under this ticket is still open.
    package func isWaiting(_ ticket: Ticket) -> Bool {
        let slot = ticket.slot
        return slot < self.connections.count && self.connections[slot].isAsking
            && self.connections[slot].count == ticket.count
    }

    /// Sends the answer in ``answer``, and goes on with the requests behind it.
    func send(_ slot: Int) {
        if !self.connections[slot].beginAnswer(now: self.now) { self.answer.sayClose() }
        let sent = self.answer.bytes.withUnsafeBytes { bytes -> Int? in
            switch Socket.write(self.connections[slot].descriptor, bytes) {
            case .bytes(let count): count
            case .wouldBlock: 0
            case .closed: nil
            }
        }
        guard let sent else { return self.close(slot) }
        if sent < self.answer.bytes.count {
            self.connections[slot].keepUnsent(self.answer.bytes[sent...], now: self.now)
            return self.updateInterest(slot)
        }
        self.sent(slot)
    }

    func flush(_ slot: Int) {
        guard !self.connections[slot].outgoing.isEmpty else { return }
        switch self.connections[slot].outgoing.withUnsafeBytes({
            Socket.write(self.connections[slot].descriptor, $0)
        }) {
        case .wouldBlock: return
        case .closed: return self.close(slot)
        case .bytes(let count):
            guard self.connections[slot].sent(count, now: self.now) else { return }
            self.updateInterest(slot)
            if self.connections[slot].isOpen { self.sent(slot) }
        }
    }

    /// The socket has taken the whole answer.
    func sent(_ slot: Int) {
        if self.connections[slot].inputIsClosed, !self.connections[slot].hasPending { return self.close(slot) }
        self.connections[slot].endAnswer(isLast: self.isStopping, now: self.now)
        if self.connections[slot].isLeaving {
            Socket.finishWriting(self.connections[slot].descriptor)
            return self.isStopping ? self.close(slot) : self.updateInterest(slot)
        }
        if self.connections[slot].hasPending { self.resumed.append(slot) }
    }

    /// Closes, or refuses, every connection that takes too long.
    func closeOverdue() {
        let isCrowded = self.register.isCrowded
        for slot in self.connections.indices where self.connections[slot].isOpen {
            switch self.connections[slot].watch.overdue(now: self.now, isCrowded: isCrowded) {
            case nil: continue
            case .idle, .unsent, .leaving: self.close(slot)
            case .head where self.connections[slot].hasWholeHead: self.connections[slot].watch.headEnded()
            case .head, .body:
                guard self.connections[slot].mayServe else { continue }
                self.connections[slot].giveUpReading()
                self.answer.encode(Problem.slowRequest)
                self.send(slot)
            }
        }
    }

    /// Closes the connection of this lane that has been idle for longest.
    ///
    /// - Returns: `false` if none is idle.
    func closeOldestIdle() -> Bool {
        var oldest: (slot: Int, since: Int64)?
        for (slot, connection) in self.connections.enumerated() where connection.isOpen {
            if let since = connection.watch.idle, since < oldest?.since ?? .max { oldest = (slot, since) }
        }
        guard let oldest else { return false }
        self.close(oldest.slot)
        return true
    }
}
