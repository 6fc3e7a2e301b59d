// What the authority does with registrations and reports.

extension QuotaAuthority {
    /// Decides whether a unit may sell, and in which generation.
    ///
    /// The first word of a unit is only answered with a question, so that a late or repeated message changes nothing:
    /// which digest does your ledger have at the position that the center saw last? Only a process that is alive now can
    /// answer. A ledger that is too short, or has another history, was set back: what it held is stranded, because it
    /// may have been sold, and the unit starts a new generation with nothing.
    package mutating func register(
        _ request: RegisterRequest, now: Instant, into records: inout [AuthorityRecord]
    ) -> RegisterReply {
        guard let known = self.book.units[request.unit] else {
            self.admit(request, Generation(1), into: &records)
            return .accepted(self.directives(for: request.unit, now: now))
        }
        if known.session == request.session, known.generation == request.generation,
            !self.isSettled(request.unit, known.generation)
        {
            return .accepted(self.directives(for: request.unit, now: now))  // A repeated message.
        }
        guard let answer = request.answer, let asked = self.challenges[request.unit], asked.number == answer.challenge
        else { return self.challenge(request) }
        self.challenges[request.unit] = nil
        if known.ledger != request.ledger {
            // A process with the wrong id, or on the wrong folder, must not push a living unit out.
            if let seen = self.seen[request.unit], now.milliseconds(since: seen.at) <= Self.silenceMilliseconds {
                return .superseded
            }
            return self.renew(
                request, after: known, reason: "the unit came back with another ledger", now: now, into: &records)
        }
        if let witness = asked.witness, answer.proof != witness {
            return self.renew(request, after: known, reason: "the ledger was set back", now: now, into: &records)
        }
        if request.incarnation < known.incarnation { return .superseded }
        if request.generation < known.generation {
            // The answer that began the generation was lost: nothing was granted in it before it was reported.
            self.admit(request, known.generation, into: &records)
            return .newGeneration(self.directives(for: request.unit, now: now))
        }
        if self.isSettled(request.unit, known.generation) {
            return self.renew(request, after: known, reason: "the generation was settled", now: now, into: &records)
        }
        if self.book.accounts(request.unit, known.generation).contains(where: { $0.account.isStranded }) {
            self.append(.reinstated(request.unit, known.generation), into: &records)
        }
        self.admit(request, known.generation, into: &records)
        return .accepted(self.directives(for: request.unit, now: now))
    }

    /// One question per process: a repeated message gets the same one, or repeated answers would outrun each other.
    private mutating func challenge(_ request: RegisterRequest) -> RegisterReply {
        if let asked = self.challenges[request.unit], asked.session == request.session {
            return .proofRequired(position: asked.witness?.position ?? 0, challenge: asked.number)
        }
        self.challengeCount += 1
        let number = self.book.epoch.rawValue << 32 | self.challengeCount
        let witness = self.witnesses[request.unit]
        self.challenges[request.unit] = Challenge(number: number, session: request.session, witness: witness)
        return .proofRequired(position: witness?.position ?? 0, challenge: number)
    }

    private mutating func admit(
        _ request: RegisterRequest, _ generation: Generation, into records: inout [AuthorityRecord]
    ) {
        let record = AuthorityRecord.registered(
            request.unit, request.ledger, generation, request.incarnation, session: request.session)
        let unit = self.book.units[request.unit]
        guard unit?.session != request.session || unit?.generation != generation else { return }
        self.append(record, into: &records)
    }

    private func isSettled(_ unit: UnitID, _ generation: Generation) -> Bool {
        self.book.accounts(unit, generation).contains { $0.account.standing == .settled }
    }

    private mutating func renew(
        _ request: RegisterRequest, after known: AuthorityBook.Unit, reason: String, now: Instant,
        into records: inout [AuthorityRecord]
    ) -> RegisterReply {
        if self.book.accounts(request.unit, known.generation).contains(where: { $0.account.standing == .active }) {
            self.append(.stranded(request.unit, known.generation, reason: reason), into: &records)
        }
        let generation = max(known.generation, request.generation).next
        self.admit(request, generation, into: &records)
        self.setWitness(of: request.unit, nil)
        self.counters[request.unit] = nil
        self.seen[request.unit] = nil
        self.hints[request.unit] = nil
        return .newGeneration(self.directives(for: request.unit, now: now))
    }

    /// Takes a report in. Counters merge by maximum, so a late, lost or repeated report does no harm.
    package mutating func report(
        _ report: UnitReport, now: Instant, into records: inout [AuthorityRecord]
    ) -> ReportReply {
        guard let known = self.book.units[report.unit] else { return .registerFirst }
        guard known.ledger == report.ledger, known.generation == report.generation else { return .superseded }
        guard known.session == report.session else {
            return report.incarnation > known.incarnation ? .registerFirst : .superseded
        }
        // Its stock went back to the pool on an operator's word: it must begin a new generation before it sells on.
        if self.isSettled(report.unit, known.generation) { return .registerFirst }
        if report.head.position >= (self.witnesses[report.unit]?.position ?? 0) {
            self.setWitness(of: report.unit, report.head)
        }
        if report.head.position >= (self.seen[report.unit]?.report.head.position ?? 0) {
            self.seen[report.unit] = Seen(report: report, at: now)
        }
        for lot in report.lots { self.merge(lot, of: report.unit, known.generation, into: &records) }
        return .directives(self.directives(for: report.unit, now: now))
    }

    private mutating func merge(
        _ lot: UnitReport.Lot, of unit: UnitID, _ generation: Generation, into records: inout [AuthorityRecord]
    ) {
        self.counters[unit, default: [:]][lot.lot, default: QuotaCounters()].merge(lot.counters)
        guard self.book.lots[lot.lot] != nil else { return }
        let account = self.book.account(lot.lot, unit, generation)
        let gain = lot.counters.returned - account.returned
        if gain > 0 {
            // A unit can give back only what it was granted; more would be a corrupt report.
            guard lot.counters.returned <= account.granted + account.allocated else { return }
            self.append(.returned(lot.lot, unit, generation, total: lot.counters.returned), into: &records)
            self.passOn(lot.lot, from: unit, quantity: gain, into: &records)
        }
        if let hint = self.hints[unit]?[lot.lot], lot.hintDone >= hint.number {
            self.hints[unit]?[lot.lot] = nil
            for place in self.moves.indices where self.moves[place].lot == lot.lot && self.moves[place].from == unit {
                self.moves[place].isDone = true
            }
        }
    }

    /// What a unit gave back for an operator's move goes to the move's target.
    private mutating func passOn(
        _ lot: LotID, from unit: UnitID, quantity: Int, into records: inout [AuthorityRecord]
    ) {
        var left = quantity
        for place in self.moves.indices
        where self.moves[place].lot == lot && self.moves[place].from == unit && !self.moves[place].isDone && left > 0 {
            let wanted = min(left, self.moves[place].asked - self.moves[place].moved)
            guard wanted > 0,
                let moved = try? self.grant(lot, to: self.moves[place].to, quantity: wanted, into: &records)
            else { continue }
            self.moves[place].moved += moved
            left -= moved
        }
    }

    /// What a unit is told now.
    package func directives(for unit: UnitID, now: Instant) -> QuotaDirectives {
        let generation = self.book.units[unit]?.generation ?? Generation(1)
        let lots = self.book.lots.keys.sorted().map { lot in
            QuotaDirectives.Lot(
                lot: lot, granted: self.book.account(lot, unit, generation).granted, hint: self.hints[unit]?[lot],
                elsewhere: self.elsewhere(lot, from: unit, now: now), contest: self.allowance(lot))
        }
        return QuotaDirectives(
            epoch: self.book.epoch, unit: unit, generation: generation, lots: lots, coordinator: self.leader)
    }

    /// Stock that could still come to `unit`: the pool, and what other live units can sell. A hint.
    func elsewhere(_ lot: LotID, from unit: UnitID, now: Instant) -> Int {
        guard let state = self.book.lots[lot] else { return 0 }
        let others = self.seen.filter { other in
            other.key != unit && now.milliseconds(since: other.value.at) <= Self.silenceMilliseconds
        }
        return state.pool + others.keys.reduce(0) { $0 + max(0, self.available(lot, $1)) }
    }
}
