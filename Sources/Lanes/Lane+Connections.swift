import Edge
import ExpressParsing
import Logging
import Sockets
import Threads
import TrancheAPI

// How connections come to a lane, and how they leave it.

extension Lane {
    func listen() {
        self.isListening =
            (try? self.poller.add(self.listener, token: Self.listenerToken, [.read, .exclusive])) != nil
    }

    func pauseListening(microseconds: Int64 = 0) {
        self.listenAgainAt = self.now + microseconds
        guard self.isListening else { return }
        self.poller.remove(self.listener)
        self.isListening = false
    }

    func accept() {
        for _ in 0..<Self.acceptsPerTurn {
            do {
                guard let (descriptor, address) = try Socket.accept(self.listener) else { return }
                var outcome = self.register.enter(address)
                // Idle connections are closed only when a new one needs the slot. A handed-over one leaves a moment
                // later.
                if outcome == .full, self.closeOldestIdle() || self.register.closeOldestIdle() {
                    outcome = self.register.enter(address, hasMadeRoom: true)
                }
                switch outcome {
                case .counted: break
                case .addressFull:
                    self.refuse(descriptor, limit: self.register.limitPerAddress)
                    continue
                case .full:  // Further connections wait in the kernel until one ends.
                    self.refuse(descriptor, limit: self.register.limit)
                    return self.pauseListening(microseconds: Self.acceptPauseMicroseconds)
                }
                if self.free.isEmpty {
                    self.free.append(self.connections.count)
                    self.connections.append(LaneConnection())
                }
                let slot = self.free.removeLast()
                do { try self.poller.add(descriptor, token: UInt64(slot), .read) } catch {
                    self.free.append(slot)
                    Socket.close(descriptor)
                    self.register.leave(address)
                    throw error
                }
                self.connections[slot].accept(descriptor, address, isProxy: self.isProxy(address), now: self.now)
            } catch {
                if self.now >= self.complainAgainAt {
                    self.complainAgainAt = self.now + 1_000_000
                    self.logger.warning("no connection accepted: \(error)")
                }
                return self.pauseListening(microseconds: Self.acceptPauseMicroseconds)
            }
        }
    }

    /// Writes one answer, if the socket takes it at once, and closes.
    private func refuse(_ descriptor: Int32, limit: Int) {
        self.answer.encode(.tooManyConnections(limit: limit))
        self.answer.sayClose()
        _ = self.answer.bytes.withUnsafeBytes { Socket.write(descriptor, $0) }
        Socket.close(descriptor)
    }

    func close(_ slot: Int) {
        self.owner.check()
        Socket.close(self.connections[slot].descriptor)
        self.register.leave(self.connections[slot].address)
        self.release(slot)
    }

    /// Frees the slot. The descriptor is closed or handed over.
    func release(_ slot: Int) {
        self.connections[slot].free()
        self.free.append(slot)
    }

    /// Reads what a proxy says about its client. From now on the connection counts for the client's address.
    ///
    /// - Returns: The header's length, 0 if it is not whole; `nil` if the connection was closed.
    func takeProxyHeader(_ slot: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
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
            guard self.register.enter(client, hasMadeRoom: true) == .counted else {
                self.close(slot)
                return nil
            }
            self.register.leave(proxy)
        }
        self.connections[slot].setClient(client)
        return header.length
    }

    /// Gives a connection to the ordinary stack, with the bytes that it has sent so far.
    func handOver(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        let (descriptor, address) = (self.connections[slot].descriptor, self.connections[slot].address)
        self.poller.remove(descriptor)
        let first = Array(bytes)
        self.release(slot)
        self.handover.receive(descriptor, first, address)
    }

    func closeAll(_ isWanted: (LaneConnection) -> Bool) {
        for slot in self.connections.indices
        where self.connections[slot].isOpen && isWanted(self.connections[slot]) { self.close(slot) }
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
                self.writeAnswer(to: self.ticket(of: slot))
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
