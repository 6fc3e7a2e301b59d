import TrancheCore

// The simulated shell of a unit, with the behaviour of the real one.

extension World {
    func clock(of unit: UnitID) -> Instant {
        self.units[known: unit].clock.read(at: self.now)
    }

    func process(_ unit: UnitID, _ session: UInt64) -> UnitProcess? {
        let known = self.units[known: unit]
        if let process = known.process, process.session == session { return process }
        if let original = known.original, original.session == session { return original }
        return nil
    }

    func ledger(of unit: UnitID, _ process: UnitProcess) -> SimulatedLedger {
        process.ownLedger ?? self.units[known: unit].ledger
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
        guard self.units[known: id].ledger.commit([opened], as: book.incarnation.next) else { return }
        self.checker.ledgerAppended(id, [opened])
        book.apply(opened)
        let session = self.random.next()
        var settings = UnitMachine.Settings()
        settings.provider = self.trade?.terms
        let machine = UnitMachine(
            unit: id, ledger: self.units[known: id].ledger.id, session: session, book: book,
            head: self.units[known: id].ledger.head, settings: settings)
        let process = UnitProcess(session: session, machine: machine, clock: HybridClock(durableCeiling: book.ceiling))
        process.desk.load(book, now: clockNow)
        self.units[known: id].process = process
        if !wasEmpty { self.mark("unit restarted") }
        process.desk.configure(self.rules)
        self.run(id, process, .configured(self.rules))
        self.run(id, process, .started)
        self.startTrade(id, process)
        self.schedule(.unitTick(id, session: session), afterMicroseconds: 1_000)
        self.schedule(.unitReport(id, session: session), afterMicroseconds: self.random.number(1_000...200_000))
        self.schedule(.contestReportTick(id, session: session), afterMicroseconds: self.random.number(1_000...40_000))
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
            process.machine.committed(self.ledger(of: id, process).head)
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

    /// Feeds one event to a unit's machine and carries out its output, by the function that the real engine uses.
    func run(_ id: UnitID, _ process: UnitProcess, _ event: UnitMachine.Event) {
        guard self.process(id, process.session) != nil else { return }
        var output = UnitOutput()
        process.machine.handle(event, at: Moment(wall: self.clock(of: id), steady: self.now), into: &output)
        let shell = SimulatedShell(world: self, unit: id, process: process)
        shell.answerTooEarly(output)
        // A process that died, or whose ledger took no entries, does nothing more.
        try? output.carryOut(by: shell)
    }

    func commit(_ id: UnitID, _ process: UnitProcess, _ entries: [LedgerEntry]) -> Bool {
        if process.ownLedger != nil {
            self.checker.releasedByOriginal(id, entries)
            return process.ownLedger!.commit(entries, as: process.machine.book.incarnation)
        }
        if self.diskRefuses(id) {
            if self.plant == .fullDiskIgnored || self.plant == .laterBatchAnswered { return true }
            self.abandon(id, process)
            return false
        }
        guard self.units[known: id].ledger.commit(entries, as: process.machine.book.incarnation) else { return false }
        self.checker.ledgerAppended(id, entries)
        self.judgeTrade(id, process.session, entries)
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

    /// The machine is ahead of the disk: all requests get `recovering`, and a new machine starts from the ledger.
    private func abandon(_ id: UnitID, _ process: UnitProcess) {
        for ticket in process.waiting.keys.sorted() {
            self.tell(id, process, process.waiting[ticket]!.request.with(ticket: ticket), .refused(.recovering))
        }
        self.units[known: id].process = nil
        self.planRestart(id, afterMilliseconds: 100)
    }

    func tell(_ id: UnitID, _ process: UnitProcess, _ request: BuyRequest, _ answer: Answer) {
        guard let asked = process.waiting.removeValue(forKey: request.ticket) else { return }
        if process.ownLedger != nil {
            // A fenced process may still refuse; it must not acknowledge what others sell, too.
            if case .refused(.referred) = answer {
                return self.send(.answer(asked.buyer, from: id, request, answer))
            }
            guard case .order(let order) = answer else { return }
            return self.checker.answeredByOriginal(id, order)
        }
        self.checker.answered(id, request, answer)
        self.send(.answer(asked.buyer, from: id, request, answer))
    }
}

extension BuyRequest {
    func with(ticket: UInt64) -> BuyRequest {
        BuyRequest(self.purchase, stamp: self.stamp, ticket: ticket)
    }
}
