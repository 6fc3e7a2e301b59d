import DaemonSupport
import Sockets
import TrancheAPI
import TrancheCore

// Bytes in: from a socket's readiness to the intake.

extension Lane {
    func read(_ place: Int) {
        guard self.connections[place].descriptor >= 0 else { return }
        switch Socket.read(self.connections[place].descriptor, into: self.buffer) {
        case .wouldBlock: return
        case .closed: return self.inputClosed(place)
        case .bytes(let count):
            self.connections[place].lastMoved = self.now
            if self.connections[place].isLeaving { return }
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            if self.connections[place].pending.isEmpty {
                self.keep(place, bytes, from: self.serve(place, bytes))
            } else {
                self.connections[place].pending += bytes
                self.resume(place)
            }
        }
    }

    func inputClosed(_ place: Int) {
        guard self.connections[place].isAsking || !self.connections[place].outgoing.isEmpty else {
            return self.close(place)
        }
        // The answer may still reach whoever has closed one direction only.
        if self.connections[place].inputIsClosed { return self.close(place) }  // Both directions.
        self.connections[place].inputIsClosed = true
        self.watch(place)
    }

    func watch(_ place: Int) {
        let isDeaf = self.connections[place].inputIsClosed || self.connections[place].isDeaf
        var interest: Poller.Interest = isDeaf ? [] : .read
        if !self.connections[place].outgoing.isEmpty { interest.insert(.write) }
        do {
            try self.poller.change(self.connections[place].descriptor, token: UInt64(place), interest)
        } catch { self.close(place) }
    }

    /// Goes on with what has been kept of the connection's bytes.
    func resume(_ place: Int) {
        let bytes = self.connections[place].pending
        guard self.connections[place].descriptor >= 0, self.mayServe(place), !bytes.isEmpty else { return }
        self.connections[place].pending = []
        bytes.withUnsafeBytes { self.keep(place, $0, from: self.serve(place, $0)) }
        guard self.connections[place].descriptor >= 0, self.mayServe(place) else { return }
        // All that came before the other side stopped sending has been served, or is a part of a request.
        if self.connections[place].inputIsClosed { self.close(place) }
    }

    func mayServe(_ place: Int) -> Bool {
        !self.connections[place].isAsking && !self.connections[place].isLeaving
            && self.connections[place].outgoing.isEmpty
    }

    /// Takes requests from the front of `bytes`, until one has to wait.
    ///
    /// - Returns: How many bytes were taken; `nil` if the connection has left the lane.
    func serve(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        while taken < bytes.count, self.mayServe(place) {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch ExpressParser.parse(rest) {
            case .incomplete: return taken
            case .other:
                self.handOver(place, rest)
                return nil
            case .request(let request):
                taken += request.length
                self.take(place, request, rest)
                if self.connections[place].descriptor < 0 { return nil }
            }
        }
        return taken
    }

    /// Keeps what was not taken; whoever sends on and on is not read from until that has been served.
    func keep(_ place: Int, _ bytes: UnsafeRawBufferPointer, from taken: Int?) {
        guard let taken, !self.connections[place].isLeaving else { return }
        if taken < bytes.count { self.connections[place].pending = Array(bytes[taken...]) }
        let isDeaf = self.connections[place].pending.count > LaneConnection.pendingBytesLimit
        guard isDeaf != self.connections[place].isDeaf else { return }
        self.connections[place].isDeaf = isDeaf
        self.watch(place)
    }

    func take(_ place: Int, _ request: ExpressParser.Request, _ bytes: UnsafeRawBufferPointer) {
        self.connections[place].isAsking = true
        self.connections[place].life = .max  // Not handed in yet.
        self.connections[place].keepsAlive = request.keepsAlive
        self.connections[place].count &+= 1
        let ticket = Ticket(lane: self.number, place: place, count: self.connections[place].count).rawValue
        switch request.kind {
        case .status(let id): self.questions.append(.init(kind: .status(id), ticket: ticket))
        case .buy(let lot, let token, let quantity):
            do throws(TokenError) {
                let purchase = try self.counter.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(rebasing: bytes[token]), quantity: quantity,
                    now: SystemClock.now())
                self.questions.append(.init(kind: .buy(purchase), ticket: ticket))
            } catch {
                self.answers.write(self.counter.problem(error))
                self.send(place)
            }
        }
    }

    func ask() {
        var questions = self.questions
        self.questions.removeAll(keepingCapacity: true)
        self.counter.intake.submit(&questions, now: SystemClock.now())
        for question in questions {
            let ticket = Ticket(rawValue: question.ticket)
            switch question.result {
            case .success(nil):
                if self.isWaiting(ticket) { self.connections[ticket.place].life = question.life }
            case .success(let answer?):
                if case .status = question.kind {
                    self.deliver(answer, ticket, isStatus: true)
                } else {
                    self.deliver(answer, ticket)
                }
            case .failure(let error):
                guard self.isWaiting(ticket) else { continue }
                self.answers.write(self.counter.problem(error))
                self.send(ticket.place)
            }
        }
    }

    func handOver(_ place: Int, _ bytes: UnsafeRawBufferPointer) {
        let descriptor = self.connections[place].descriptor
        self.poller.remove(descriptor)
        let first = Array(bytes)
        self.release(place)
        self.handover.take(descriptor, first, self.count)
    }
}
