// The authority's handling of registrations and reports.

extension QuotaAuthority {
    /// Decides whether a unit may sell, and in which generation.
    ///
    /// The answer to a unit's first message is a question, so that a late or repeated message changes nothing: which
    /// digest does the ledger have at the last position that the center saw? Only a process that is alive can answer. A
    /// ledger that is too short, or has another history, was set back: its quota is stranded, because it may have been
    /// sold, and the unit starts a new generation without quota.
    ///
    /// Another process of the unit does not push out a living one, with any ledger: the newcomer waits. A clock is used
    /// here for availability only.
    package mutating func register(
        _ request: RegisterRequest, now: Instant, into records: inout [AuthorityRecord]
    ) -> RegisterReply {
        self.began(now)
        guard let known = self.book.units[request.unit] else {
            if request.hasGrants || request.generation > Generation(1) {
                self.alarm(
                    "unit \(request.unit) holds grants that this log does not know: the log was lost or set back")
                return .centerIsBehind
            }
            self.appendRegistration(request, Generation(1), into: &records)
            return .accepted(self.directives(for: request.unit, now: now))
        }
        // A generation begins with a record of this log, which is durable before the unit receives it.
        if request.generation > known.generation {
            self.alarm(
                "unit \(request.unit) is in generation \(request.generation.rawValue), this log knows "
                    + "\(known.generation.rawValue): the log was lost or set back")
            return .centerIsBehind
        }
        if known.session == request.session, known.generation == request.generation,
            !self.isSettled(request.unit, known.generation)
        {
            return .accepted(self.directives(for: request.unit, now: now))  // A repeated message.
        }
        guard let answer = request.answer, let asked = self.challenges[request.unit], asked.number == answer.challenge
        else { return self.challenge(request) }
        self.challenges[request.unit] = nil
        let isProven = known.ledger == request.ledger && asked.witness == answer.proof
        if self.isOccupied(request, known, isProven: isProven, asked: asked, now: now) { return .occupied }
        self.proven[request.unit] = Set(
            asked.earlier.filter { answer.earlier.contains($0.witness) }.map(\.generation))
        if known.ledger != request.ledger {
            return self.renew(
                request, after: known, reason: "the unit came back with another ledger", now: now, into: &records)
        }
        if !isProven {
            // The unit knows of a newer state of its ledger. So no proof of this one may settle what is stranded.
            let isCopy = answer.proof == .empty
            if isCopy { self.setWitness(of: request.unit, nil) }
            return self.renew(request, after: known, reason: "the ledger was set back", now: now, into: &records)
        }
        if request.incarnation < known.incarnation { return .superseded }
        if request.generation < known.generation {
            // The answer that began the generation was lost. It has no grants before its first report.
            self.appendRegistration(request, known.generation, into: &records)
            return .newGeneration(self.directives(for: request.unit, now: now))
        }
        if self.isSettled(request.unit, known.generation) {
            return self.renew(request, after: known, reason: "the generation was settled", now: now, into: &records)
        }
        if self.book.accounts(request.unit, known.generation).contains(where: { $0.account.isStranded }) {
            self.append(.reinstated(request.unit, known.generation), into: &records)
        }
        self.appendRegistration(request, known.generation, into: &records)
        return .accepted(self.directives(for: request.unit, now: now))
    }

    /// Whether another process of the unit is alive. A newcomer with the right ledger waits for a few report intervals.
    /// A newcomer with another history waits for a long silence, because it would strand the quota of the living
    /// process.
    private func isOccupied(
        _ request: RegisterRequest, _ known: AuthorityBook.Unit, isProven: Bool, asked: Challenge, now: Instant
    ) -> Bool {
        guard known.session != request.session, let seen = self.seen[request.unit], seen.report.session == known.session
        else { return false }
        let silence = now.milliseconds(since: seen.at)
        // A process that has reported since the question is alive, and has continued.
        let hasMovedOn = asked.witness != self.witnesses[request.unit]
        return silence <= (isProven && !hasMovedOn ? Self.livingMilliseconds : Self.silenceMilliseconds)
    }

    /// One question per process: a repeated message gets the same one. New questions would overtake the answers.
    private mutating func challenge(_ request: RegisterRequest) -> RegisterReply {
        if let asked = self.challenges[request.unit], asked.session == request.session { return asked.reply }
        self.challengeCount += 1
        let number = self.book.epoch.rawValue << 32 | self.challengeCount
        let asked = Challenge(
            number: number, session: request.session, witness: self.witnesses[request.unit],
            earlier: self.book.units[request.unit]?.stranded ?? [])
        self.challenges[request.unit] = asked
        return asked.reply
    }

    private mutating func appendRegistration(
        _ request: RegisterRequest, _ generation: Generation, into records: inout [AuthorityRecord]
    ) {
        let record = AuthorityRecord.registered(
            request.unit, request.ledger, generation, request.incarnation, session: request.session)
        let unit = self.book.units[request.unit]
        guard unit?.session != request.session || unit?.generation != generation else { return }
        self.append(record, into: &records)
    }

    private func isSettled(_ unit: UnitID, _ generation: Generation) -> Bool {
        self.book.accounts(unit, generation).contains { $0.account.status == .settled }
    }

    private mutating func renew(
        _ request: RegisterRequest, after known: AuthorityBook.Unit, reason: String, now: Instant,
        into records: inout [AuthorityRecord]
    ) -> RegisterReply {
        if self.book.accounts(request.unit, known.generation).contains(where: { $0.account.status == .active }) {
            self.append(
                .stranded(request.unit, known.generation, reason: reason, witness: self.witnesses[request.unit]),
                into: &records)
        }
        self.appendRegistration(request, known.generation.next, into: &records)
        self.setWitness(of: request.unit, nil)
        self.recent[request.unit] = nil
        self.counters[request.unit] = nil
        self.seen[request.unit] = nil
        self.hints[request.unit] = nil
        return .newGeneration(self.directives(for: request.unit, now: now))
    }

    /// Takes a report in. Counters merge by maximum, so a late, lost or repeated report does no harm.
    ///
    /// A report is checked against the books. A contradiction strands the unit's quota and raises an alarm.
    package mutating func report(
        _ report: UnitReport, now: Instant, into records: inout [AuthorityRecord]
    ) -> ReportReply {
        self.began(now)
        guard let known = self.book.units[report.unit] else {
            guard report.lots.contains(where: { $0.counters.granted > 0 }) else { return .registerFirst }
            self.alarm("unit \(report.unit) holds grants that this log does not know: the log was lost or set back")
            return .centerIsBehind
        }
        guard known.ledger == report.ledger, known.generation == report.generation else { return .superseded }
        guard known.session == report.session else {
            return report.incarnation > known.incarnation ? .registerFirst : .superseded
        }
        // An operator settled its stock: it must begin a new generation before it sells on.
        if self.isSettled(report.unit, known.generation) { return .registerFirst }
        if let seen = self.recentWitness(of: report.unit, at: report.proves), seen != report.proof {
            self.strandLiar(
                report, "its ledger is not the one that it reported before: the machine was set back", &records)
            return .superseded
        }
        if let contradiction = self.contradiction(in: report) {
            self.strandLiar(report, contradiction, &records)
            return .directives(self.directives(for: report.unit, now: now))
        }
        self.witness(report)
        // A report that was overtaken is not the newest word. A new center has heard none, but has the witness.
        if report.head.position >= (self.witnesses[report.unit]?.position ?? 0) {
            self.seen[report.unit] = Seen(report: report, at: now)
        }
        for lot in report.lots { self.merge(lot, of: report.unit, known.generation, into: &records) }
        self.settle(report.earlier, of: report.unit, into: &records)
        return .directives(self.directives(for: report.unit, now: now))
    }

    private mutating func witness(_ report: UnitReport) {
        guard report.head.position >= (self.witnesses[report.unit]?.position ?? 0) else { return }
        self.setWitness(of: report.unit, report.head)
        var recent = self.recent[report.unit] ?? []
        if recent.last != report.head { recent.append(report.head) }
        self.recent[report.unit] = recent.suffix(Self.recentLimit)
    }

    /// The contradiction between a report and the books; `nil` if there is none.
    private func contradiction(in report: UnitReport) -> String? {
        for lot in report.lots {
            let (counters, account) = (lot.counters, self.book.account(lot.lot, report.unit, report.generation))
            if !counters.isSound || lot.paid > counters.live {
                return "lot \(lot.lot): its counters do not add up"
            }
            if counters.granted > account.granted {
                return "lot \(lot.lot): it has \(counters.granted), granted were \(account.granted)"
            }
            if counters.allocated > account.allocated {
                return "lot \(lot.lot): it was allocated \(counters.allocated), the log says \(account.allocated)"
            }
        }
        return nil
    }

    private mutating func strandLiar(_ report: UnitReport, _ reason: String, _ records: inout [AuthorityRecord]) {
        // One alarm for each generation, because the unit repeats the report.
        if self.liars.insert(AuthorityEvent(unit: report.unit, generation: report.generation)).inserted {
            self.alarm("unit \(report.unit), generation \(report.generation.rawValue): \(reason)")
        }
        let accounts = self.book.accounts(report.unit, report.generation)
        guard accounts.contains(where: { $0.account.status == .active }) else { return }
        self.append(
            .stranded(report.unit, report.generation, reason: reason, witness: self.witnesses[report.unit]),
            into: &records)
    }

    /// Settles the sales of earlier generations of this ledger, if it has proved to be theirs. The rest goes back to
    /// the pool without an operator's count. A later report corrects the settlement by orders that end later.
    private mutating func settle(
        _ earlier: [UnitReport.Earlier], of unit: UnitID, into records: inout [AuthorityRecord]
    ) {
        for one in earlier where self.proven[unit]?.contains(one.generation) == true {
            let account = self.book.account(one.lot, unit, one.generation)
            // A proof covers what the center saw of the ledger. An operator who settled by a count may have known
            // more.
            let isItsOwn = account.status == .settled && account.isSettledByLedger == true
            guard account.isStranded || isItsOwn, one.live >= 0 else { continue }
            guard one.live < account.outstanding || account.isStranded && one.live == account.outstanding else {
                continue
            }
            self.append(.settled(one.lot, unit, one.generation, sold: one.live, byLedger: true), into: &records)
        }
    }

    private mutating func merge(
        _ lot: UnitReport.Lot, of unit: UnitID, _ generation: Generation, into records: inout [AuthorityRecord]
    ) {
        self.counters[unit, default: [:]][lot.lot, default: QuotaCounters()].merge(lot.counters)
        guard self.book.lots[lot.lot] != nil else { return }
        let account = self.book.account(lot.lot, unit, generation)
        let gain = lot.counters.returned - account.returned
        if gain > 0 {
            // A unit can return only what it was granted; more would be a corrupt report.
            guard lot.counters.returned <= account.granted + account.allocated else { return }
            self.append(.returned(lot.lot, unit, generation, total: lot.counters.returned), into: &records)
            self.passOn(lot.lot, from: unit, quantity: gain, into: &records)
        }
        if let hint = self.hints[unit]?[lot.lot], lot.hintDone >= hint.number {
            self.hints[unit]?[lot.lot] = nil
            for index in self.moves.indices where self.moves[index].lot == lot.lot && self.moves[index].from == unit {
                self.moves[index].isDone = true
            }
        }
    }

    /// Grants a unit's returns for an operator's move to the move's target.
    private mutating func passOn(
        _ lot: LotID, from unit: UnitID, quantity: Int, into records: inout [AuthorityRecord]
    ) {
        var left = quantity
        for index in self.moves.indices
        where self.moves[index].lot == lot && self.moves[index].from == unit && !self.moves[index].isDone && left > 0 {
            let wanted = min(left, self.moves[index].asked - self.moves[index].moved)
            guard wanted > 0,
                let moved = try? self.grant(lot, to: self.moves[index].to, quantity: wanted, into: &records)
            else { continue }
            self.moves[index].moved += moved
            left -= moved
        }
    }

    /// The present directives for a unit.
    package func directives(for unit: UnitID, now: Instant) -> QuotaDirectives {
        let generation = self.book.units[unit]?.generation ?? Generation(1)
        let lots = self.book.lots.keys.sorted().map { lot in
            QuotaDirectives.Lot(
                lot: lot, granted: self.book.account(lot, unit, generation).granted, hint: self.hints[unit]?[lot],
                elsewhere: self.elsewhere(lot, from: unit, now: now), contest: self.allowance(lot),
                branches: self.branches(of: unit, lot))
        }
        return QuotaDirectives(
            epoch: self.book.epoch, unit: unit, generation: generation, lots: lots, coordinator: self.leader,
            witness: self.witnesses[unit])
    }

    private mutating func began(_ now: Instant) {
        if self.beganAt == nil { self.beganAt = now }
    }

    /// Stock that could still come to `unit`: the pool, and the available stock of other live units. A hint.
    func elsewhere(_ lot: LotID, from unit: UnitID, now: Instant) -> Int {
        guard let state = self.book.lots[lot] else { return 0 }
        let others = self.book.units.keys.filter { $0 != unit && self.mayLive($0, now: now) }
        return state.pool + others.reduce(0) { $0 + self.mayReturn(lot, $1) }
    }

    /// Whether a unit has reported a short time ago. A new center has heard nobody, and a unit that runs dry at that moment must not
    /// refuse its buyers for good, so it counts every unit until each has had the time to report.
    private func mayLive(_ unit: UnitID, now: Instant) -> Bool {
        guard let at = self.seen[unit]?.at ?? self.beganAt else { return true }
        return now.milliseconds(since: at) <= Self.silenceMilliseconds
    }

    /// What a unit could still return: of a unit that this center has not heard yet, all that it may hold.
    private func mayReturn(_ lot: LotID, _ unit: UnitID) -> Int {
        guard self.counters[unit] == nil, let holder = self.book.units[unit] else {
            return max(0, self.available(lot, unit))
        }
        let account = self.book.account(lot, unit, holder.generation)
        return account.status == .active ? account.outstanding : 0
    }
}

extension QuotaAuthority.Challenge {
    fileprivate var reply: RegisterReply {
        .proofRequired(
            position: self.witness?.position ?? 0, challenge: self.number, earlier: self.earlier.map(\.witness.position)
        )
    }
}
