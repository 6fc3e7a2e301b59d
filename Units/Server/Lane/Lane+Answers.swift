import DaemonSupport
import Edge
import NIOConcurrencyHelpers
import Sockets
import Threads
import TrancheAPI
import TrancheCore

// Bytes out: from an answer to what was sent behind its request.

extension Lane {
    func takeInbox() {
        self.owner.check()
        let taken = self.inbox.withLockedValue { inbox in
            defer { (inbox.answers, inbox.toAll) = ([], nil) }
            return inbox
        }
        for (ticket, answer) in taken.answers { self.deliver(answer, ticket) }
        if let (answer, life) = taken.toAll {
            for place in self.connections.indices where self.connections[place].isQueued(before: life) {
                let count = self.connections[place].count
                self.deliver(answer, Ticket(lane: self.number, place: place, count: count))
            }
        }
        if taken.isStopping, !self.isStopping { self.beginStop() }
    }

    func deliver(_ answer: Answer, _ ticket: Ticket, isStatus: Bool = false) {
        guard self.isWaiting(ticket) else { return }
        var standing: WaitlistPosition?
        if case .order(let order) = answer, order.state == .contested {
            standing = self.gate.intake.waitlistPosition(of: order.id)
        }
        self.answers.write(answer, isStatus: isStatus, standing: standing)
        self.send(ticket.place)
    }

    /// Whether the connection that asked under this ticket is still open.
    func isWaiting(_ ticket: Ticket) -> Bool {
        let place = ticket.place
        return place < self.connections.count && self.connections[place].isAsking
            && self.connections[place].count == ticket.count
    }

    /// Sends the answer that has just been put together, and goes on with what came behind the request.
    func send(_ place: Int) {
        if !self.connections[place].beginAnswer(now: self.now) { self.answers.sayClose() }
        let sent = self.answers.bytes.withUnsafeBytes { bytes -> Int? in
            switch Socket.write(self.connections[place].descriptor, bytes) {
            case .bytes(let count): count
            case .wouldBlock: 0
            case .closed: nil
            }
        }
        guard let sent else { return self.close(place) }
        if sent < self.answers.bytes.count {
            self.connections[place].keepUnsent(self.answers.bytes[sent...], now: self.now)
            return self.judge(place)
        }
        self.sent(place)
    }

    func flush(_ place: Int) {
        guard !self.connections[place].outgoing.isEmpty else { return }
        switch self.connections[place].outgoing.withUnsafeBytes({
            Socket.write(self.connections[place].descriptor, $0)
        }) {
        case .wouldBlock: return
        case .closed: return self.close(place)
        case .bytes(let count):
            guard self.connections[place].sent(count, now: self.now) else { return }
            self.judge(place)
            if self.connections[place].isOpen { self.sent(place) }
        }
    }

    /// The whole answer is on its way.
    func sent(_ place: Int) {
        if self.connections[place].inputIsClosed, !self.connections[place].hasPending { return self.close(place) }
        self.connections[place].endAnswer(isLast: self.isStopping, now: self.now)
        if self.connections[place].isLeaving {
            Socket.finishWriting(self.connections[place].descriptor)
            return self.isStopping ? self.close(place) : self.judge(place)
        }
        if self.connections[place].hasPending { self.resumed.append(place) }
    }

    /// Closes, or refuses, every connection that takes too long.
    func closeOverdue() {
        let isCrowded = self.register.isCrowded
        for place in self.connections.indices where self.connections[place].isOpen {
            switch self.connections[place].watch.overdue(now: self.now, isCrowded: isCrowded) {
            case nil: continue
            case .idle, .unsent, .leaving: self.close(place)
            case .head where self.connections[place].hasWholeHead: self.connections[place].watch.headEnded()
            case .head, .body:
                guard self.connections[place].mayServe else { continue }
                self.connections[place].giveUpReading()
                self.answers.write(Problem.slowRequest)
                self.send(place)
            }
        }
    }

    /// Closes the connection of this lane that has been idle for longest.
    ///
    /// - Returns: `false` if none is idle.
    func closeOldestIdle() -> Bool {
        var oldest: (place: Int, since: Int64)?
        for (place, connection) in self.connections.enumerated() where connection.isOpen {
            if let since = connection.watch.idle, since < oldest?.since ?? .max { oldest = (place, since) }
        }
        guard let oldest else { return false }
        self.close(oldest.place)
        return true
    }
}
