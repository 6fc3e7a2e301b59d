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
            if self.connections[place].isLeaving { return }
            let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
            if self.connections[place].hasPending {
                self.connections[place].keep(bytes)
                self.resume(place)
            } else if let taken = self.serve(place, bytes), !self.connections[place].isLeaving {
                self.connections[place].keep(bytes[taken...])
            }
            self.judge(place)
        }
    }

    func inputClosed(_ place: Int) {
        // Whole requests may wait for the next turn.
        let waits = self.connections[place].hasPending && !self.connections[place].inputIsClosed
        guard self.connections[place].isAsking || !self.connections[place].outgoing.isEmpty || waits else {
            return self.close(place)
        }
        if waits { self.resumed.append(place) }
        // The answer may still reach a client that has closed one direction only.
        if self.connections[place].inputIsClosed { return self.close(place) }  // Both directions.
        self.connections[place].inputIsClosed = true
        self.judge(place)
    }

    /// Tells the poller what the connection waits for now, and the watch what waits here.
    func judge(_ place: Int) {
        guard self.connections[place].descriptor >= 0 else { return }
        // A part of a request that waits behind another one takes no time of its own.
        if self.connections[place].hasPending, self.mayServe(place) {
            self.connections[place].watch.received(0, now: self.now)
        }
        var interest: Poller.Interest = self.connections[place].wantsToRead ? .read : []
        if !self.connections[place].outgoing.isEmpty { interest.insert(.write) }
        guard interest != self.connections[place].interest else { return }
        self.connections[place].interest = interest
        do {
            try self.poller.change(self.connections[place].descriptor, token: UInt64(place), interest)
        } catch { self.close(place) }
    }

    /// Goes on with what has been kept of the connection's bytes.
    func resume(_ place: Int) {
        guard self.connections[place].descriptor >= 0, self.mayServe(place), self.connections[place].hasPending else {
            return
        }
        let (bytes, start) = self.connections[place].takePending()
        let taken = bytes.withUnsafeBytes { self.serve(place, UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard let taken, self.connections[place].descriptor >= 0 else { return }
        if !self.connections[place].isLeaving { self.connections[place].putBack(bytes, from: start + taken) }
        // All that came before the other side stopped sending has been served, or is a part of a request.
        if self.connections[place].inputIsClosed, self.mayServe(place), !self.isPostponed(place) {
            return self.close(place)
        }
        self.judge(place)
    }

    func mayServe(_ place: Int) -> Bool {
        !self.connections[place].isAsking && !self.connections[place].isLeaving
            && self.connections[place].outgoing.isEmpty
    }

    /// The connection has had its requests of this turn, and waits for the next one.
    private func isPostponed(_ place: Int) -> Bool {
        self.connections[place].turn == self.turn
            && self.connections[place].servedInTurn >= LaneConnection.requestsPerTurn
    }

    /// Takes requests from the front of `bytes`, until one has to wait.
    ///
    /// - Returns: How many bytes were taken; `nil` if the connection has left the lane.
    func serve(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        if self.connections[place].turn != self.turn {
            (self.connections[place].turn, self.connections[place].servedInTurn) = (self.turn, 0)
        }
        while taken < bytes.count, self.mayServe(place) {
            if self.isPostponed(place) {
                self.postponed.append(place)
                return taken
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            switch ExpressParser.parse(rest) {
            case .incomplete: return taken
            case .other:
                self.handOver(place, rest)
                return nil
            case .request(let request):
                taken += request.length
                self.connections[place].servedInTurn += 1
                self.take(place, request, rest)
                if self.connections[place].descriptor < 0 { return nil }
            }
        }
        return taken
    }

    func take(_ place: Int, _ request: ExpressParser.Request, _ bytes: UnsafeRawBufferPointer) {
        self.connections[place].isAsking = true
        self.connections[place].life = .max  // Not handed in yet.
        self.connections[place].keepsAlive = request.keepsAlive
        self.connections[place].count &+= 1
        self.connections[place].watch.requestEnded()
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
        let (descriptor, address) = (self.connections[place].descriptor, self.connections[place].address)
        self.poller.remove(descriptor)
        let first = Array(bytes)
        self.release(place)
        self.handover.take(descriptor, first, address)
    }
}
