import Edge
import ExpressParsing
import Sockets
import Threads

// Bytes in: from a socket's readiness to the desk.

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
        self.connections[slot].beginTurn(self.turn)
        while taken < bytes.count, self.connections[slot].mayServe {
            if self.connections[slot].isPostponed(in: self.turn) {
                self.postponed.append(slot)
                return taken
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch self.desk.parse(rest) {
            case .incomplete: return taken
            case .other:
                self.handOver(slot, rest)
                return nil
            case .request(let length, let keepsAlive):
                taken += length
                let count = self.connections[slot].beginRequest(keepsAlive: keepsAlive)
                self.desk.ask(Ticket(lane: self.number, slot: slot, count: count), rest, in: self)
                if !self.connections[slot].isOpen { return nil }
            }
        }
        return taken
    }

    /// Reads what a proxy says about its client. From now on the connection counts for the client's address.
    ///
    /// - Returns: The header's length, 0 if it is not whole; `nil` if the connection was closed.
    private func takeProxyHeader(_ slot: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let header: ProxyHeader
        switch ProxyHeader.parse(bytes) {
        case .incomplete: return 0
        case .malformed:
            // Nobody could say whose requests these are.
            self.close(slot)
            return nil
        case .header(let read): header = read
        }
        let proxy = self.connections[slot].address
        let client: ClientAddress =
            switch header.source {
            case .own: proxy
            case .v4(let number): ClientAddress(v4: number)
            case .v6(let first, let last): ClientAddress(v6: (first, last))
            }
        if client != proxy {
            guard self.register.enter(client, hasMadeRoom: true) == .admitted else {
                self.close(slot)
                return nil
            }
            self.register.leave(proxy)
        }
        self.connections[slot].take(client: client)
        return header.length
    }

    func handOver(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        let (descriptor, address) = (self.connections[slot].descriptor, self.connections[slot].address)
        self.poller.remove(descriptor)
        let first = Array(bytes)
        self.release(slot)
        self.handover.receive(descriptor, first, address)
    }
}
