// How quota moves: the unit's handling of the center's directives, and its reports.

extension UnitMachine {
    mutating func follow(_ directives: QuotaDirectives, now: Instant, into output: inout UnitOutput) {
        guard directives.unit == self.unit, directives.epoch >= self.epoch,
            directives.generation == self.book.generation
        else { return }
        // A ledger without a vouching witness may have been set back, and these directives may be meant for its newer
        // state. The center sends them again when it accepts this ledger.
        guard self.mayIssue else { return }
        guard self.epoch == Epoch(0) || directives.epoch.rawValue - self.epoch.rawValue <= UInt64(Limits.jump),
            directives.epoch.rawValue <= Limits.epoch
        else {
            return self.disbelieve(
                "epoch \(directives.epoch.rawValue) cannot follow epoch \(self.epoch.rawValue)", into: &output)
        }
        if let witness = directives.witness, self.registration == .registered {
            guard self.isOwn(witness) else {
                return self.stop(
                    "the center has seen this ledger at position \(witness.position) with another history: the machine was set back",
                    into: &output)
            }
            if witness.position >= self.witness?.position ?? 0 { self.witness = witness }
        }
        self.epoch = directives.epoch
        if let told = directives.coordinator, told.epoch > self.coordinator?.epoch ?? Epoch(0) {
            self.coordinator = told
        }
        for directive in directives.lots {
            self.follow(directive, now: now, into: &output)
        }
    }

    /// Whether the center's witness can be of this very ledger, as far as this process remembers.
    private func isOwn(_ witness: LedgerHead) -> Bool {
        guard witness.position <= self.head.position else { return false }
        return self.reported.last { $0.position == witness.position }.map { $0 == witness } ?? true
    }

    private mutating func follow(_ directive: QuotaDirectives.Lot, now: Instant, into output: inout UnitOutput) {
        let lot = directive.lot
        // Before the quota: with it, a unit may admit buyers.
        self.open(directive.branches ?? [], of: lot, now: now, into: &output)
        // Returned quota may be granted again, so the issue bounds only what was granted and not returned.
        let out = directive.granted - self.book[lot].returned
        if let issued = self.lots[lot]?.rules?.issued, out > issued {
            return self.disbelieve(
                "lot \(lot): \(out) granted and not given back, but the configuration has \(issued) items",
                into: &output)
        }
        if self.lots[lot] == nil { self.lots[lot] = self.newLot(lot) }
        self.lots[known: lot].elsewhere.heard(directive.elsewhere, at: self.steady)
        let gain = directive.granted - self.book[lot].granted
        if gain > 0 {
            self.append(.granted(lot, total: directive.granted), into: &output)
            self.lowerFlag(lot, into: &output)
            self.requeueStarved(lot)
        }
        if let allowance = directive.contest { self.leave(lot, allowance: allowance, now: now, into: &output) }
        if self.lots[known: lot].isContended { return self.returnLeftover(lot, into: &output) }
        if directive.elsewhere > 0 { self.lowerFlag(lot, into: &output) }
        if let hint = directive.hint, self.lots[known: lot].reclaim.follow(hint) {
            self.returnSurplus(lot, keep: hint.keep, into: &output)
        }
    }

    /// Gives back what is available beyond `keep`, at the center's request.
    private mutating func returnSurplus(_ lot: LotID, keep: Int, into output: inout UnitOutput) {
        let counters = self.book[lot]
        guard counters.available > keep else { return }
        self.append(.returned(lot, total: counters.returned + counters.available - keep), into: &output)
    }

    mutating func report(nonce: UInt64, into output: inout UnitOutput) {
        guard self.registration == .registered else { return }
        if self.drawsNonce(output) { self.append(.nonce(nonce), into: &output) }
        let earlier = self.book.earlierAccounts.map {
            UnitReport.Earlier(lot: $0.lot, generation: $0.generation, live: $1.live)
        }
        let lots = self.lots.keys.map { lot in
            let state = self.lots[known: lot]
            var counters = self.book[lot]
            counters.returned = state.returns.confirmed
            if state.returns.isConfirmed { self.lots[known: lot].reclaim.reported = state.reclaim.done }
            return UnitReport.Lot(
                lot: lot, counters: counters, offered: state.demand.offered,
                starved: state.starved.count, hintDone: self.lots[known: lot].reclaim.reported,
                isPrimed: self.isPrimed(state.lot),
                paid: state.paid)
        }
        output.add(
            .report(
                UnitReport(
                    unit: self.unit, ledger: self.ledger, incarnation: self.book.incarnation,
                    generation: self.book.generation, session: self.session, head: self.head, nonce: self.book.nonce,
                    lots: lots,
                    proves: self.witness?.position ?? 0, earlier: earlier)))
    }

    /// The report has gone out with this head.
    package mutating func reported(_ head: LedgerHead) {
        self.reported.append(head)
        if self.reported.count > Settings.reportedLimit { self.reported.removeFirst() }
    }

    /// Demand that the front desk answered from its flag.
    package mutating func addOffered(_ offered: [LotID: Int]) {
        for (lot, count) in offered where self.lots[lot] != nil { self.lots[known: lot].demand.add(count) }
    }
}
