import Edge
package import Sockets
import Threads

// The way of a request through a lane: from a socket's readiness to the desk, and from the desk's answer to the socket.

extension Lane {
    func read(_ slot: Int) {
        self.owner.check()
        guard self.connections[slot].isOpen else { return }
        switch Socket.read(self.connections[slot].descriptor, into: self.buffer) {
        case .wouldBlock: return
        case .closed: return self.inputClosed(slot)
        case .bytes(let count):
            if self.connections[slot].isLeaving { return }
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            if self.connections[slot].hasPending {
                self.connections[slot].keep(bytes)
                self.resume(slot)
            } else if let taken = self.serve(slot, bytes), !self.connections[slot].isLeaving {
                self.connections[slot].keep(bytes[taken...])
            }
            self.updateInterest(slot)
        }
    }

    func inputClosed(_ slot: Int) {
        // Whole requests may wait for the next turn.
        let waits = self.connections[slot].hasPending && !self.connections[slot].inputIsClosed
        guard self.connections[slot].isBusy || waits else { return self.close(slot) }
        if waits { self.resumed.append(slot) }
        // The answer may still reach a client that has closed one direction only.
        if self.connections[slot].inputIsClosed { return self.close(slot) }  // Both directions.
        self.connections[slot].closeInput()
        self.updateInterest(slot)
    }

    /// Updates the poller and the deadlines for what the connection waits for now.
    func updateInterest(_ slot: Int) {
        guard self.connections[slot].isOpen else { return }
        // The time of a part of a request that waits behind another one does not count.
        if self.connections[slot].hasPending, self.connections[slot].mayServe {
            self.connections[slot].watch.received(0, now: self.now)
        }
        var interest: Poller.Interest = self.connections[slot].wantsToRead ? .read : []
        if !self.connections[slot].outgoing.isEmpty { interest.insert(.write) }
        guard interest != self.connections[slot].interest else { return }
        self.connections[slot].interest = interest
        do {
            try self.poller.change(self.connections[slot].descriptor, token: UInt64(slot), interest)
        } catch { self.close(slot) }
    }

    /// Goes on with the connection's kept bytes.
    func resume(_ slot: Int) {
        guard self.connections[slot].mayServe, self.connections[slot].hasPending else { return }
        let (bytes, start) = self.connections[slot].takePending()
        let taken = bytes.withUnsafeBytes { self.serve(slot, UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard let taken, self.connections[slot].isOpen else { return }
        if !self.connections[slot].isLeaving { self.connections[slot].putBack(bytes, from: start + taken) }
        // The client sends no more. Its whole requests are served, and the rest is a part of one.
        if self.connections[slot].inputIsClosed, self.connections[slot].mayServe,
            !self.connections[slot].isPostponed(in: self.turn)
        {
            return self.close(slot)
        }
        self.updateInterest(slot)
    }

    /// Takes requests from the front of `bytes`, until one has to wait.
    ///
    /// - Returns: How many bytes were taken; `nil` if the connection has left the lane.
    func serve(_ slot: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        if self.connections[slot].awaitsProxyHeader {
            guard let length = self.takeProxyHeader(slot, bytes) else { return nil }
            taken = length
            if self.connections[slot].awaitsProxyHeader { return 0 }
        }
        while taken < bytes.count, self.connections[slot].mayServe {
            if self.connections[slot].isPostponed(in: self.turn) {
                self.postponed.append(slot)
                return taken
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch self.desk.serveFirst(of: rest, slot, in: self) {
            case .incomplete: return taken
            case .other:
                self.handOver(slot, rest)
                return nil
            case .served(let length):
                taken += length
                if !self.connections[slot].isOpen { return nil }
            }
        }
        return taken
    }

    /// A desk has read a whole request of this connection. From now on it can be answered.
    package func beginRequest(_ slot: Int, keepsAlive: Bool) -> Ticket {
        let count = self.connections[slot].beginRequest(turn: self.turn, keepsAlive: keepsAlive)
        return Ticket(lane: self.number, slot: slot, count: count)
    }

    /// The ticket of the connection's last request.
    func ticket(of slot: Int) -> Ticket {
        Ticket(lane: self.number, slot: slot, count: self.connections[slot].count)
    }

    /// The request waits for an answer that another thread will post.
    ///
    /// - Parameter recovery: See ``forEachWaiting(before:_:)``; 0 where the process has no recoveries.
    package func markWaiting(_ ticket: Ticket, recovery: UInt64 = 0) {
        guard self.isWaiting(ticket) else { return }
        self.connections[ticket.slot].markQueued(recovery: recovery)
        self.connections[ticket.slot].waitsSince = self.now
    }

    /// How long the request has waited for its answer, in microseconds; `nil` if its connection has gone.
    package func waited(_ ticket: Ticket) -> Int64? {
        self.isWaiting(ticket) ? max(0, self.now - self.connections[ticket.slot].waitsSince) : nil
    }

    /// Calls `body` with each request that waits, and was handed in before this recovery of the intake.
    package func forEachWaiting(before recovery: UInt64, _ body: (Ticket) -> Void) {
        for slot in self.connections.indices where self.connections[slot].isQueued(before: recovery) {
            body(self.ticket(of: slot))
        }
    }

    /// The address of the connection that asked under this ticket.
    package func address(of ticket: Ticket) -> ClientAddress { self.connections[ticket.slot].address }

    /// Whether the connection that asked under this ticket is still open.
    package func isWaiting(_ ticket: Ticket) -> Bool {
        let slot = ticket.slot
        return slot < self.connections.count && self.connections[slot].isAsking
            && self.connections[slot].count == ticket.count
    }

    /// Writes ``answer`` to the connection that asked under this ticket, if it is still there, and goes on with the
    /// requests behind it.
    package func writeAnswer(to ticket: Ticket) {
        guard self.isWaiting(ticket) else { return }
        let slot = ticket.slot
        if !self.connections[slot].beginAnswer(now: self.now) { self.answer.sayClose() }
        let written = self.answer.bytes.withUnsafeBytes { bytes -> Int? in
            switch Socket.write(self.connections[slot].descriptor, bytes) {
            case .bytes(let count): count
            case .wouldBlock: 0
            case .closed: nil
            }
        }
        guard let written else { return self.close(slot) }
        if written < self.answer.bytes.count {
            self.connections[slot].keepUnsent(self.answer.bytes[written...], now: self.now)
            return self.updateInterest(slot)
        }
        self.endAnswer(slot)
    }

    /// Goes on with an answer that the socket did not take at once.
    func flush(_ slot: Int) {
        guard !self.connections[slot].outgoing.isEmpty else { return }
        switch self.connections[slot].outgoing.withUnsafeBytes({
            Socket.write(self.connections[slot].descriptor, $0)
        }) {
        case .wouldBlock: return
        case .closed: return self.close(slot)
        case .bytes(let count):
            guard self.connections[slot].wrote(count, now: self.now) else { return }
            self.updateInterest(slot)
            if self.connections[slot].isOpen { self.endAnswer(slot) }
        }
    }

    /// The socket has taken the whole answer.
    private func endAnswer(_ slot: Int) {
        if self.connections[slot].inputIsClosed, !self.connections[slot].hasPending { return self.close(slot) }
        self.connections[slot].endAnswer(isLast: self.isStopping, now: self.now)
        if self.connections[slot].isLeaving {
            Socket.finishWriting(self.connections[slot].descriptor)
            return self.isStopping ? self.close(slot) : self.updateInterest(slot)
        }
        if self.connections[slot].hasPending { self.resumed.append(slot) }
    }
}
