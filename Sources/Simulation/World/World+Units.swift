import TrancheCore

// What a unit's process does, as the real shell does it.

extension World {
    func clock(of unit: UnitID) -> Instant {
        self.units[known: unit].clock.read(at: self.now)
    }

    func process(_ unit: UnitID, _ session: UInt64) -> UnitProcess? {
        guard let process = self.units[known: unit].process, process.session == session else { return nil }
        return process
    }

    func startUnit(_ id: UnitID) {
        self.units[known: id].restartIsPlanned = false
        guard self.units[known: id].process == nil else { return }
        var book = self.units[known: id].ledger.book
        let clockNow = self.clock(of: id)
        switch HybridClock.start(durableCeiling: book.ceiling, now: clockNow) {
        case .ready: break
        case .wait(let milliseconds): return self.planRestart(id, afterMilliseconds: Int(milliseconds))
        case .refuse: return self.planRestart(id, afterMilliseconds: 500)
        }
        let opened = LedgerEntry.opened(book.incarnation.next)
        let wasEmpty = self.units[known: id].ledger.head.position == 0
        guard !self.diskRefuses(id) else { return self.planRestart(id, afterMilliseconds: 100) }
        guard self.units[known: id].ledger.append([opened], as: book.incarnation.next) else { return }
        self.checker.ledgerAppended(id, [opened])
        book.apply(opened)
        let session = self.random.next()
        let machine = UnitMachine(
            unit: id, ledger: self.units[known: id].ledger.id, session: session, book: book,
            head: self.units[known: id].ledger.head
        )
        let process = UnitProcess(session: session, machine: machine, clock: HybridClock(durableCeiling: book.ceiling))
        process.desk.load(book, now: clockNow)
        self.units[known: id].process = process
        if !wasEmpty { self.mark("unit restarted") }
        process.desk.configure(self.rules)
        self.run(id, process, .configured(self.rules))
        self.run(id, process, .started)
        self.schedule(.unitTick(id, session: session), afterMicroseconds: 1_000)
        self.schedule(.unitReport(id, session: session), afterMicroseconds: self.random.number(1_000...200_000))
        self.schedule(.exchangeTick(id, session: session), afterMicroseconds: self.random.number(1_000...40_000))
    }

    func planRestart(_ id: UnitID, afterMilliseconds: Int) {
        guard !self.units[known: id].restartIsPlanned else { return }
        self.units[known: id].restartIsPlanned = true
        self.schedule(.startUnit(id), afterMicroseconds: afterMilliseconds * 1_000)
    }

    func crashUnit(_ id: UnitID) {
        guard let process = self.units[known: id].process else { return }
        self.units[known: id].process = nil
        process.waiting = [:]
        self.mark("unit crashed")
        self.planRestart(id, afterMilliseconds: self.random.number(20...800))
    }

    func tick(_ id: UnitID, _ session: UInt64) {
        guard let process = self.process(id, session) else { return }
        let now = self.clock(of: id)
        if let ceiling = process.clock.ceilingWanted(now: now, steady: self.now) {
            if self.plant != .ceilingNotDurable {
                guard self.commit(id, process, [.ceiling(ceiling)]) else { return }
            }
            process.clock.raise(ceiling: ceiling)
            self.run(id, process, .committed(self.units[known: id].ledger.head))
        }
        process.machine.addOffered(process.desk.takeOffered())
        self.run(id, process, .tick)
        self.schedule(.unitTick(id, session: session), afterMicroseconds: 50_000)
    }

    func reportDue(_ id: UnitID, _ session: UInt64) {
        guard let process = self.process(id, session) else { return }
        self.run(id, process, .reportDue(nonce: self.random.next()))
        self.schedule(.unitReport(id, session: session), afterMicroseconds: 200_000)
    }

    /// Feeds one event to a unit's machine and carries out what it says, as the real shell does.
    func run(_ id: UnitID, _ process: UnitProcess, _ event: UnitMachine.Event) {
        guard self.process(id, process.session) != nil else { return }
        var actions: [UnitMachine.Action] = []
        process.machine.handle(event, now: self.clock(of: id), steady: self.now, into: &actions)
        self.perform(id, process, actions)
    }

    private func perform(_ id: UnitID, _ process: UnitProcess, _ actions: [UnitMachine.Action]) {
        var entries: [LedgerEntry] = []
        var afterwards: [UnitMachine.Action] = []
        for action in actions {
            switch action {
            case .append(let entry): entries.append(entry)
            case .call(let call) where !call.dependsOnLedger: self.call(id, process, .call(call))
            case .reply where self.plant == .answerBeforeCommit: self.carryOut(id, process, action)
            case .replyTo where self.plant == .paymentTakenBeforeCommit: self.carryOut(id, process, action)
            default: afterwards.append(action)
            }
        }
        if !entries.isEmpty {
            if self.random.happens(permille: self.profile.crashPermille) {
                self.mark("crashed before a commit")
                return self.crashUnit(id)
            }
            guard self.commit(id, process, entries) else { return }
            var more: [UnitMachine.Action] = []
            process.machine.handle(
                .committed(self.units[known: id].ledger.head), now: self.clock(of: id), steady: self.now, into: &more)
            afterwards += more
        }
        for action in afterwards {
            guard self.process(id, process.session) != nil else { return }
            if self.random.happens(permille: self.profile.crashPermille) {
                self.mark("crashed after a commit")
                return self.crashUnit(id)
            }
            self.carryOut(id, process, action)
        }
    }

    private func commit(_ id: UnitID, _ process: UnitProcess, _ entries: [LedgerEntry]) -> Bool {
        if self.diskRefuses(id) {
            if self.plant == .fullDiskIgnored { return true }
            self.abandon(id, process)
            return false
        }
        guard self.units[known: id].ledger.append(entries, as: process.machine.book.incarnation) else { return false }
        self.checker.ledgerAppended(id, entries)
        self.digest.mix(Int64(self.units[known: id].ledger.entries.count))
        return true
    }

    private func diskRefuses(_ id: UnitID) -> Bool {
        if self.units[known: id].diskIsFullUntil > self.now {
            self.mark("disk full")
            return true
        }
        guard self.random.happens(permille: self.profile.refusedWritePermille) else { return false }
        self.mark("write refused")
        return true
    }

    /// The machine is ahead of the disk: everybody is told to come back, and a new one starts from the ledger.
    private func abandon(_ id: UnitID, _ process: UnitProcess) {
        for ticket in process.waiting.keys.sorted() {
            self.tell(id, process, process.waiting[ticket]!.request.with(ticket: ticket), .refused(.recovering))
        }
        self.units[known: id].process = nil
        self.planRestart(id, afterMilliseconds: 100)
    }

    private func carryOut(_ id: UnitID, _ process: UnitProcess, _ action: UnitMachine.Action) {
        switch action {
        case .append: preconditionFailure("appends are carried out in one commit")
        case .call(let call): self.call(id, process, .call(call))
        case .prime(let prime): self.call(id, process, .prime(prime))
        case .survey: self.call(id, process, .survey)
        case .reply(let request, let answer):
            let copies = process.desk.publish(answer, to: request, now: self.clock(of: id))
            self.tell(id, process, request, answer)
            for copy in copies { self.tell(id, process, request.with(ticket: copy), answer) }
        case .replyTo(let ticket, let answer): self.tellProvider(id, ticket: ticket, answer)
        case .changed(let order): process.desk.publish(order)
        case .setSoldOut(let lot, let value):
            if value { self.mark("sold out") }
            process.desk.setSoldOut(lot, value)
        case .recovered(let lot): process.desk.recovered(lot)
        case .register(var request):
            request.head = self.units[known: id].ledger.head
            self.send(.register(request))
            self.schedule(.registerTimeout(id, session: process.session), afterMicroseconds: 500_000)
        case .prove(let position, let challenge, let earlier):
            var proof = self.units[known: id].ledger.head(at: position)
            if self.plant == .noHandshake { proof = self.center.witnesses[id] }  // Nobody looks at the ledger.
            let found = earlier.compactMap { self.units[known: id].ledger.head(at: $0) }
            self.run(
                id, process,
                .proof(ChallengeAnswer(challenge: challenge, proof: position == 0 ? nil : proof, earlier: found)))
        case .report(var report):
            report.head = self.units[known: id].ledger.head
            report.proof = report.proves == 0 ? nil : self.units[known: id].ledger.head(at: report.proves)
            if self.plant == .noHandshake { report.proof = self.center.seenLately(id, at: report.proves) }
            process.machine.reported(report.head)
            self.send(.report(report))
        case .alarm(let text):
            self.mark("unit disbelieves")
            // Nothing else that a unit may disbelieve happens in a world: the center keeps its log, and copies run beside
            // their originals for a moment only.
            let isTrue = text.hasPrefix("another process of unit")
            self.checker.live(self.plant != nil || isTrue, "L1", "unit \(id) raised a false alarm: \(text)")
        case .exchange(var report):
            report.isTrusted = process.clockCheck.state != .untrusted
            report.sentAt = self.clock(of: id)
            report.echo = process.echo.flatMap { $0.epoch == report.epoch ? $0.echo : nil }
            self.send(.contestReport(id, session: process.session, report, sentAt: self.clock(of: id)))
        case .standing(let order, let ahead, let mayReturn):
            self.mark("waitlisted")
            process.desk.place(order, WaitlistStanding(ahead: ahead, mayReturn: mayReturn))
        case .fence(let fence): process.clock.advance(past: fence, now: self.clock(of: id), steady: self.now)
        case .stop(let reason):
            // Machines are set back as a whole, and a process with its memory never is.
            self.checker.live(
                self.plant != nil || !reason.contains("set back"), "L1", "unit \(id) stopped without need: \(reason)")
            self.mark("unit superseded")
            self.units[known: id].process = nil
            self.planRestart(id, afterMilliseconds: 100)
        }
    }

    func tell(_ id: UnitID, _ process: UnitProcess, _ request: BuyRequest, _ answer: Answer) {
        guard let asked = process.waiting.removeValue(forKey: request.ticket) else { return }
        self.checker.answered(id, request, answer)
        self.send(.answer(asked.buyer, request, answer))
    }
}

extension BuyRequest {
    fileprivate func with(ticket: UInt64) -> BuyRequest {
        BuyRequest(
            order: self.order, buyer: self.buyer, lot: self.lot, quantity: Int(self.quantity), issuedAt: self.issuedAt,
            stamp: self.stamp, ticket: ticket)
    }
}
