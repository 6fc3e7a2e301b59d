import DaemonSupport
import Edge
import NIOConcurrencyHelpers
import Sockets
import Threads
import TrancheAPI
import TrancheCore

// Bytes out: from an answer to the requests that were sent behind.

extension Lane {
    func deliverInbox() {
        self.owner.check()
        let taken = self.inbox.withLockedValue { inbox in
            defer { (inbox.answers, inbox.toAll) = ([], nil) }
            return inbox
        }
        for (ticket, answer) in taken.answers { self.deliver(answer, ticket) }
        if let (answer, recovery) = taken.toAll {
            for slot in self.connections.indices where self.connections[slot].isQueued(before: recovery) {
                let count = self.connections[slot].count
                self.deliver(answer, Ticket(lane: self.number, slot: slot, count: count))
            }
        }
        if taken.isStopping, !self.isStopping { self.beginStop() }
    }

    func deliver(_ answer: Answer, _ ticket: Ticket, isStatus: Bool = false) {
        guard self.isWaiting(ticket) else { return }
        var position: WaitlistPosition?
        if case .order(let order) = answer, order.state == .contested {
            position = self.gate.intake.waitlistPosition(of: order.id)
        }
        self.answers.encode(answer, isStatus: isStatus, position: position)
        self.send(ticket.slot)
    }

    /// Whether the connection that asked under this ticket is still open.
    func isWaiting(_ ticket: Ticket) -> Bool {
        let slot = ticket.slot
        return slot < self.connections.count && self.connections[slot].isAsking
            && self.connections[slot].count == ticket.count
    }

    /// Sends the answer in `answers`, and goes on with the requests behind it.
    func send(_ slot: Int) {
        if !self.connections[slot].beginAnswer(now: self.now) { self.answers.sayClose() }
        let sent = self.answers.bytes.withUnsafeBytes { bytes -> Int? in
            switch Socket.write(self.connections[slot].descriptor, bytes) {
            case .bytes(let count): count
            case .wouldBlock: 0
            case .closed: nil
            }
        }
        guard let sent else { return self.close(slot) }
        if sent < self.answers.bytes.count {
            self.connections[slot].keepUnsent(self.answers.bytes[sent...], now: self.now)
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
                self.answers.encode(Problem.slowRequest)
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
