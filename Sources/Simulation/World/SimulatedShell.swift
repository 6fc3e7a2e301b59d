import TrancheCore

/// A unit's process in a world, as its machine sees it: disk, Redis and network that fail, and a process that may die
/// between any two steps.
struct SimulatedShell: UnitShell {
    /// The process does nothing more.
    struct Gone: Error {}

    let world: World
    let unit: UnitID
    let process: UnitProcess

    private var isAlive: Bool { self.world.process(self.unit, self.process.session) != nil }
    private var ledger: SimulatedLedger { self.world.ledger(of: self.unit, self.process) }

    func send(_ steps: JoinedSteps) { self.world.call(self.unit, self.process, .steps(steps)) }

    func commit(_ entries: [LedgerEntry]) throws(Gone) {
        if self.world.random.happens(permille: self.world.profile.crashPermille) {
            self.world.mark("crashed before a commit")
            self.world.crashUnit(self.unit)
            throw Gone()
        }
        guard self.world.commit(self.unit, self.process, self.world.kept(entries)) else { throw Gone() }
        self.process.machine.committed(self.ledger.head)
        if let relay = self.process.relay, self.process.machine.mayIssue { relay.head = self.ledger.head.position }
        if self.world.plant == .redisNotAwaited { self.acknowledge(entries) }
    }

    func publish(_ publications: ArraySlice<Publication>) {
        for publication in publications where self.survives(publication) { self.publish(publication) }
    }

    func perform(_ effect: UnitEffect) {
        guard self.isAlive, !self.crashes() else { return }
        self.carryOut(effect)
    }

    private func survives(_ publication: Publication) -> Bool {
        guard self.isAlive else { return false }
        return self.isPlantedEarly(publication) || !self.crashes()
    }

    private func crashes() -> Bool {
        guard self.world.random.happens(permille: self.world.profile.crashPermille) else { return false }
        self.world.mark("crashed after a commit")
        self.world.crashUnit(self.unit)
        return true
    }

    // MARK: planted mistakes

    /// Answers that a planted mistake gives before the commit.
    private func isPlantedEarly(_ publication: Publication) -> Bool {
        switch publication {
        case .answer: self.world.plant == .answerBeforeCommit
        case .answerTicket: self.world.plant == .paymentTakenBeforeCommit
        default: false
        }
    }

    func answerTooEarly(_ output: UnitOutput) {
        guard self.world.plant != nil else { return }
        if self.world.plant == .answerBeforeCommit { self.acknowledge(output.entries) }
        for publication in output.publications where self.isPlantedEarly(publication) { self.deliver(publication) }
    }

    /// Tells the buyers of reserved orders, although a witness is missing.
    private func acknowledge(_ entries: [LedgerEntry]) {
        for case .reserved(let order) in entries {
            for ticket in self.process.waiting.keys.sorted() {
                guard let request = self.process.waiting[ticket]?.request, request.order == order.id else { continue }
                self.world.tell(self.unit, self.process, request.with(ticket: ticket), .order(order))
            }
        }
    }

    // MARK: effects

    private func publish(_ publication: Publication) {
        if !self.isPlantedEarly(publication) { self.deliver(publication) }
    }

    private func deliver(_ publication: Publication) {
        let delivery = self.process.desk.learn([publication], now: self.world.clock(of: self.unit))
        switch publication {
        case .answer(let request, _), .withheld(let request):
            if case .withheld = publication { self.world.mark("order withheld") }
            for (ticket, answer) in delivery.answers {
                self.world.tell(self.unit, self.process, request.with(ticket: ticket), answer)
            }
        case .answerTicket(let ticket, let answer): self.world.tellProvider(self.unit, ticket: ticket, answer)
        case .soldOut(_, true): self.world.mark("sold out")
        case .waitlisted: self.world.mark("waitlisted")
        case .branched(let lot, let branch):
            self.world.mark(self.world.known(branch, lot) ? "branch told anew" : "branch opened")
        case .soldOut, .changed, .recovered, .archived: break
        }
    }

    private func carryOut(_ effect: UnitEffect) {
        switch effect {
        case .nextRound: self.world.run(self.unit, self.process, .nextRound)
        case .prime(let prime): self.world.call(self.unit, self.process, .prime(prime))
        case .survey: self.world.call(self.unit, self.process, .survey)
        case .register(let request): self.register(request)
        case .archive: break  // No sale of a world is settled.
        case .askProvider(let question): self.world.ask(self.unit, self.process, question)
        case .refund(let refund): self.world.send(self.unit, self.process, refund)
        case .prove(let position, let challenge, let earlier):
            self.prove(position: position, challenge: challenge, earlier: earlier)
        case .report(let report): self.report(report)
        case .contestReport(let report): self.report(report)
        case .alarm(let text):
            self.world.mark("unit disbelieves")
            // No other alarm of a unit is true in a world: the center keeps its log, and copies run beside their
            // originals for a moment only.
            if text.hasPrefix("Redis has seen") { self.world.mark("Redis contradicts a copy") }
            let isTrue =
                text.hasPrefix("another process of unit") || text.hasPrefix("Redis has seen")
                || self.world.isOfLostMoney(text)
            self.world.checker.live(
                self.world.plant != nil || isTrue, "L1", "unit \(self.unit) raised a false alarm: \(text)")
        case .fence(let fence):
            self.process.clock.advance(past: fence, now: self.world.clock(of: self.unit), steady: self.world.now)
        case .stop(let reason): self.stop(reason)
        }
    }

    private func register(_ registration: RegisterRequest) {
        guard self.process.ownLedger == nil else { return }
        var request = registration
        request.head = self.ledger.head
        self.world.send(.register(request))
        self.world.schedule(
            .registerTimeout(self.unit, session: self.process.session), afterMicroseconds: 500_000)
    }

    private func prove(position: UInt64, challenge: UInt64, earlier: [UInt64]) {
        let ledger = self.ledger
        var proof = ledger.head(at: position)
        // The planted mistake: the ledger is not asked.
        if self.world.plant == .noHandshake { proof = self.world.center.witnesses[self.unit] }
        let answer = ChallengeAnswer(
            challenge: challenge, proof: position == 0 ? nil : proof,
            earlier: earlier.compactMap { ledger.head(at: $0) })
        self.world.run(self.unit, self.process, .proof(answer))
    }

    private func report(_ unfinished: UnitReport) {
        guard self.process.ownLedger == nil else { return }
        var report = unfinished
        let ledger = self.ledger
        report.head = ledger.head
        report.proof = report.proves == 0 ? nil : ledger.head(at: report.proves)
        if self.world.plant == .noHandshake {
            report.proof = self.world.center.seenLately(self.unit, at: report.proves)
        }
        self.process.machine.reported(report.head)
        self.world.send(.report(report))
    }

    private func report(_ unfinished: ContestReport) {
        guard self.process.ownLedger == nil else { return }
        var report = unfinished
        let now = self.world.clock(of: self.unit)
        report.isTrusted = self.process.clockCheck.state != .untrusted
        report.sentAt = now
        report.echo = self.process.echo.flatMap { $0.epoch == report.epoch ? $0.echo : nil }
        self.world.send(.contestReport(self.unit, session: self.process.session, report, sentAt: now))
    }

    private func stop(_ reason: String) {
        // A whole machine can be set back; a process and its memory cannot.
        self.world.checker.live(
            self.world.plant != nil || !reason.contains("set back"), "L1",
            "unit \(self.unit) stopped without need: \(reason)")
        self.world.mark("unit superseded")
        guard self.process.ownLedger == nil else { return self.world.units[known: self.unit].original = nil }
        self.world.units[known: self.unit].process = nil
        self.world.planRestart(self.unit, afterMilliseconds: 100)
    }
}
