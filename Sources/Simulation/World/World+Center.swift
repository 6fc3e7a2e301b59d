import TrancheCore

// The center: its process, its log, and its messages.

extension World {
    func startCenter() {
        guard self.center.authority == nil else { return }
        var authority = QuotaAuthority(book: self.center.book, witnesses: self.center.witnesses)
        var records: [AuthorityRecord] = []
        authority.takeOver(into: &records)
        if !self.center.log.isEmpty { self.mark("center restarted") }
        self.center.authority = authority
        self.persist(records)
    }

    func openSale() {
        self.withAuthority { authority, records in
            for lot in 1...self.settings.lots {
                let planned = PlannedLot(
                    lot: LotID(UInt32(lot)), stock: self.settings.stockPerLot, start: self.contestStart,
                    terms: self.contestTerms, parts: [])
                try? authority.issue([planned], into: &records)
            }
        }
    }

    var rules: [LotRules] {
        (1...self.settings.lots).map { lot in
            LotRules(
                lot: LotID(UInt32(lot)), phase: .open, opensAt: self.start, closesAt: .distantFuture,
                buyerLimit: self.settings.buyerLimit,
                paymentWindowMilliseconds: self.settings.paymentWindowMilliseconds,
                issued: self.settings.stockPerLot, price: self.trade?.price ?? .none)
        }
    }

    func crashCenter() {
        guard self.center.authority != nil else { return }
        self.center.authority = nil
        self.mark("center crashed")
        self.schedule(.startCenter, afterMicroseconds: 1_000 * self.random.number(20...2_000))
    }

    /// Runs `body` on the authority and makes its records durable; `nil` if the center is down or dies meanwhile.
    @discardableResult
    func withAuthority<Value>(_ body: (inout QuotaAuthority, inout [AuthorityRecord]) -> Value) -> Value? {
        guard self.center.authority != nil else { return nil }
        var records: [AuthorityRecord] = []
        let value = body(&self.center.authority!, &records)
        for alarm in self.center.authority!.takeAlarms() {
            self.checker.live(self.plant != nil, "L1", "the center raised a false alarm: \(alarm)")
        }
        if self.random.happens(permille: self.profile.crashPermille) {
            self.mark("center crashed before a commit")
            self.crashCenter()
            return nil
        }
        if !records.isEmpty, self.random.happens(permille: self.profile.refusedWritePermille) {
            self.mark("log refused a write")
            self.center.authority!.goBack(to: self.center.book, witnesses: self.center.witnesses)
            return nil
        }
        self.persist(records)
        if self.random.happens(permille: self.profile.crashPermille) {
            self.mark("center crashed after a commit")
            self.crashCenter()
            return nil
        }
        return value
    }

    private func persist(_ records: [AuthorityRecord]) {
        guard self.center.authority != nil else { return }
        self.center.authority!.confirm()
        self.center.log += records
        self.center.witnesses = self.center.authority!.witnesses
        if !records.isEmpty { self.checker.authorityAppended(records, by: self.center.authority!.book.epoch) }
        self.digest.mix(Int64(self.center.log.count))
    }

    func deliver(_ message: Message) {
        switch message {
        case .register(let request): self.register(request)
        case .registerReply(let unit, let session, let reply):
            guard let process = self.process(unit, session) else { return }
            if case .newGeneration = reply { self.mark("new generation") }
            self.run(unit, process, .registered(self.told(reply, to: unit, process)))
        case .report(let report):
            self.center.heardAt[report.unit] = self.now
            let told = self.plant == .reclaimIsTaken ? self.anticipated(report) : report
            let reply = self.withAuthority { $0.report(told, now: self.now, into: &$1) }
            if let reply { self.send(.reportReply(report.unit, session: report.session, reply)) }
        case .reportReply(let unit, let session, let reply): self.reportAnswered(unit, session, reply)
        case .push(let directives, let delta): self.follow(directives, delta)
        case .toCoordinator(let number, let message): self.hear(coordinator: number, message)
        case .fromCoordinator(let number, let message): self.answer(coordinator: number, message)
        case .contestReport(let unit, let session, let report, let sentAt):
            self.contestReported(unit, session, report, sentAt)
        case .contestReply(let unit, let session, let reply, let sentAt, let received):
            self.contestReplied(unit, session, reply, sentAt: sentAt, received: received)
        case .buy(let buyer, let request): self.buy(buyer, request)
        case .answer(let buyer, let unit, let request, let answer): self.hear(buyer, from: unit, request, answer)
        case .callback(let capture): self.paid(capture)
        case .callbackAnswer(let capture, let answer): self.hear(capture: capture, answer)
        case .cancel(let buyer, let order): self.cancelled(buyer, order)
        case .trade(let message): self.deliver(message)
        }
    }

    /// The planted mistake: reclaimed quota counts as returned at once.
    private func anticipated(_ report: UnitReport) -> UnitReport {
        guard let authority = self.center.authority else { return report }
        let asked = authority.directives(for: report.unit, now: self.now).lots
        let lots = report.lots.map { lot in
            var counters = lot.counters
            if let hint = asked.first(where: { $0.lot == lot.lot })?.hint, hint.number > lot.hintDone {
                counters.returned += max(0, counters.available - hint.keep)
            }
            return UnitReport.Lot(
                lot: lot.lot, counters: counters, offered: lot.offered, starved: lot.starved, hintDone: lot.hintDone,
                isPrimed: lot.isPrimed, paid: lot.paid)
        }
        return UnitReport(
            unit: report.unit, ledger: report.ledger, incarnation: report.incarnation, generation: report.generation,
            session: report.session, head: report.head, nonce: report.nonce, lots: lots)
    }

    private func register(_ request: RegisterRequest) {
        let reply = self.withAuthority { $0.register(request, now: self.now, into: &$1) }
        if let reply { self.send(.registerReply(request.unit, session: request.session, reply)) }
    }

    private func reportAnswered(_ unit: UnitID, _ session: UInt64, _ reply: ReportReply) {
        guard let process = self.process(unit, session) else { return }
        switch reply {
        case .directives(let directives): self.follow(directives, [:])
        case .registerFirst: self.run(unit, process, .registrationLost)
        case .superseded: self.run(unit, process, .superseded)
        case .centerIsBehind: break
        }
    }

    /// The planted faults change the directives here.
    private func follow(_ directives: QuotaDirectives, _ delta: [LotID: Int]) {
        guard let process = self.units[known: directives.unit].process else { return }
        var told = self.told(directives, to: directives.unit, process)
        let book = process.machine.book
        switch self.plant {
        case .grantsAsDeltas:
            told = directives.replacingGrants { lot, _ in book[lot].granted + (delta[lot] ?? 0) }
        case .quotaAsValue:
            // `granted` carries the available quota by the center's state.
            told = directives.replacingGrants { lot, value in
                delta[lot].map { book[lot].returned + book[lot].live + $0 } ?? value
            }
        default: break
        }
        self.run(directives.unit, process, .directives(told))
        self.checker.heard(directives.unit, process.machine.epoch, session: process.session)
    }

    /// Pushes a larger grant to a unit at once.
    func push(to unit: UnitID) {
        guard let authority = self.center.authority else { return }
        let directives = authority.directives(for: unit, now: self.now)
        var delta: [LotID: Int] = [:]
        for lot in directives.lots {
            switch self.plant {
            case .grantsAsDeltas: delta[lot.lot] = lot.granted - (self.center.lastTold[unit]?[lot.lot] ?? 0)
            case .quotaAsValue: delta[lot.lot] = authority.available(lot.lot, unit)
            default: break
            }
            self.center.lastTold[unit, default: [:]][lot.lot] = lot.granted
        }
        self.send(.push(directives, delta: delta))
    }
}

extension QuotaDirectives {
    fileprivate func replacingGrants(_ body: (LotID, Int) -> Int) -> QuotaDirectives {
        QuotaDirectives(
            epoch: self.epoch, unit: self.unit, generation: self.generation,
            lots: self.lots.map {
                Lot(
                    lot: $0.lot, granted: body($0.lot, $0.granted), hint: $0.hint, elsewhere: $0.elsewhere,
                    contest: $0.contest, branches: $0.branches)
            }, coordinator: self.coordinator, witness: self.witness)
    }
}
