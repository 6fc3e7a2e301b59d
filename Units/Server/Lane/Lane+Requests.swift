import DaemonSupport
import Edge
import ExpressParsing
import Sockets
import Threads
import TrancheAPI
import TrancheCore

// Bytes in: from a socket's readiness to the intake.

extension Lane {
    func read(_ place: Int) {
        self.owner.check()
        guard self.connections[place].isOpen else { return }
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
        guard self.connections[place].isBusy || waits else { return self.close(place) }
        if waits { self.resumed.append(place) }
        // The answer may still reach a client that has closed one direction only.
        if self.connections[place].inputIsClosed { return self.close(place) }  // Both directions.
        self.connections[place].closeInput()
        self.judge(place)
    }

    /// Tells the poller what the connection waits for now, and the watch what waits here.
    func judge(_ place: Int) {
        guard self.connections[place].isOpen else { return }
        // A part of a request that waits behind another one takes no time of its own.
        if self.connections[place].hasPending, self.connections[place].mayServe {
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
        guard self.connections[place].mayServe, self.connections[place].hasPending else { return }
        let (bytes, start) = self.connections[place].takePending()
        let taken = bytes.withUnsafeBytes { self.serve(place, UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard let taken, self.connections[place].isOpen else { return }
        if !self.connections[place].isLeaving { self.connections[place].putBack(bytes, from: start + taken) }
        // All that came before the other side stopped sending has been served, or is a part of a request.
        if self.connections[place].inputIsClosed, self.connections[place].mayServe,
            !self.connections[place].isPostponed(in: self.turn)
        {
            return self.close(place)
        }
        self.judge(place)
    }

    /// Takes requests from the front of `bytes`, until one has to wait.
    ///
    /// - Returns: How many bytes were taken; `nil` if the connection has left the lane.
    func serve(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        var taken = 0
        self.connections[place].beginTurn(self.turn)
        while taken < bytes.count, self.connections[place].mayServe {
            if self.connections[place].isPostponed(in: self.turn) {
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
                self.take(place, request, rest)
                if !self.connections[place].isOpen { return nil }
            }
        }
        return taken
    }

    func take(_ place: Int, _ request: ExpressParser.Request, _ bytes: UnsafeRawBufferPointer) {
        let count = self.connections[place].ask(keepsAlive: request.keepsAlive)
        let ticket = Ticket(lane: self.number, place: place, count: count).rawValue
        switch request.kind {
        case .status(let id): self.questions.append(.init(kind: .status(id), ticket: ticket))
        case .buy(let lot, let token, let quantity):
            do throws(TokenError) {
                let purchase = try self.gate.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(rebasing: bytes[token]), quantity: quantity,
                    now: SystemClock.now())
                self.questions.append(.init(kind: .buy(purchase), ticket: ticket))
            } catch {
                self.answers.write(self.gate.problem(error))
                self.send(place)
            }
        }
    }

    func ask() {
        self.owner.check()
        var questions = self.questions
        self.questions.removeAll(keepingCapacity: true)
        self.gate.intake.submit(&questions, now: SystemClock.now())
        for question in questions {
            let ticket = Ticket(rawValue: question.ticket)
            switch question.result {
            case .success(.queued):
                if self.isWaiting(ticket) { self.connections[ticket.place].enqueue(life: question.life) }
            case .success(.answered(let answer)):
                if case .status = question.kind {
                    self.deliver(answer, ticket, isStatus: true)
                } else {
                    self.deliver(answer, ticket)
                }
            case .failure(let error):
                guard self.isWaiting(ticket) else { continue }
                self.answers.write(self.gate.problem(error))
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
