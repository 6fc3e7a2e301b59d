import TrancheCore

// The judgement of provider, shop and relays: with every entry, with every cursor, and when all is quiet.

extension World {
    /// How long after its end a world waits until everything is told and given back: the first pause of a question in doubt is a
    /// minute.
    private static let quietMilliseconds: Int64 = 130_000

    func judgeTrade(_ unit: UnitID, _ session: UInt64, _ entries: [LedgerEntry]) {
        guard self.trade != nil else { return }
        for entry in entries {
            switch entry {
            case .doubt(_, true): self.mark("held until the end of its time")
            case .revived: self.mark("order revived")
            case .refundDue(let refund) where refund.reason == .overPaid: self.mark("paid too much")
            default: break
            }
        }
        let (terms, provider) = (self.trade!.terms, self.trade!.provider)
        let found = self.trade!.judge.appended(
            unit, entries, by: session, clock: self.clock(of: unit), terms, provider)
        for violation in found { self.checker.live(false, violation.invariant, violation.detail) }
    }

    func setTradeBack(_ unit: UnitID, lost: [LedgerEntry]) {
        guard let trade else { return }
        self.trade!.disks[unit] = trade.backups[unit]
        let cursor = self.trade!.disks[unit]?.cursor ?? .start
        self.trade!.judge.restored(
            unit, lost: lost, left: self.units[known: unit].ledger.entries, cursor: cursor)
    }

    /// Nothing may be behind a cursor that the shop has not got, and that is no letter.
    func judgeCursor(_ unit: UnitID) {
        let disk = self.trade!.disks[unit]!
        var at = self.trade!.judge.judged[unit] ?? .start
        for (place, kind, order) in self.facts(of: unit, from: &at, to: disk.cursor.position) {
            guard self.trade!.shop.facts[unit]?[place] == nil, !disk.hasLetter(place) else { continue }
            self.checker.live(
                false, "I15",
                "the cursor of unit \(unit) has passed \(kind.name) of order \(order), which the shop has not got")
        }
        self.trade!.judge.judged[unit] = at
    }

    /// What a shop that wants all usual events has to hear of a part of a ledger.
    private func facts(
        of unit: UnitID, from cursor: inout OutboxCursor, to end: UInt64
    ) -> [(OutboxPlace, OutboxEvent.Kind, OrderID)] {
        let entries = self.units[known: unit].ledger.entries
        var facts: [(OutboxPlace, OutboxEvent.Kind, OrderID)] = []
        while cursor.position < end {
            let entry = entries[Int(cursor.position)]
            cursor.position += 1
            for (index, fact) in entry.facts.enumerated() where fact.kind != .lost {
                let place = OutboxPlace(generation: cursor.generation, position: cursor.position, index: index)
                facts.append((place, fact.kind, fact.order))
            }
            if case .generation(let next) = entry { cursor.generation = max(cursor.generation, next) }
        }
        return facts
    }

    // MARK: when all is quiet

    /// Goes on until nothing is open between units, provider and shop, or until it should long have been so.
    ///
    /// - Returns: The end of the world.
    func awaitTrade(from end: Instant) -> Instant {
        guard self.trade != nil else { return end }
        var end = end
        let last = end.advanced(milliseconds: Self.quietMilliseconds)
        while self.checker.violations.isEmpty, end < last, !self.openTrade.isEmpty {
            end = end.advanced(milliseconds: 1_000)
            self.run(until: end)
        }
        guard self.checker.violations.isEmpty else { return end }
        for violation in self.openTrade { self.checker.live(false, violation.invariant, violation.detail) }
        return end
    }

    /// What is open, or wrong.
    private var openTrade: [Violation] { self.openMoney + self.openQuestions + self.untold }

    private var openMoney: [Violation] {
        guard let trade else { return [] }
        var found: [Violation] = []
        let listed = trade.judge.listed
        for (order, numbers) in trade.provider.byOrder.sorted(by: { $0.value[0] < $1.value[0] })
        where !trade.judge.owedByLost.contains(order) {
            let unit = trade.provider.payments[numbers[0]].unit
            let paid = trade.judge.paid[unit]?[order]?.minor ?? 0
            func kept(in currency: Currency) -> Int64 {
                trade.provider.kept(order, in: currency)
                    - (listed[order] ?? []).reduce(0) { $0 + ($1.currency == currency ? $1.minor : 0) }
            }
            let (kept, other) = (kept(in: Trade.currency), kept(in: Trade.otherCurrency))
            guard kept != paid || other != 0 else { continue }
            found.append(
                Violation(
                    invariant: "I13",
                    detail: "the provider keeps \(kept) \(Trade.currency) and \(other) \(Trade.otherCurrency) of order "
                        + "\(order), for which unit \(unit) has \(paid) as paid"))
        }
        for unit in self.units.keys {
            for claim in (trade.judge.claims[unit] ?? [:]).values.sorted(by: { $0.refund.key < $1.refund.key })
            where !trade.judge.owedByLost.contains(claim.refund.order) {
                let times = trade.provider.carriedOut[claim.refund.key] ?? 0
                if times == (claim.refund.isByProvider ? 1 : 0), claim.isDone == claim.refund.isByProvider { continue }
                found.append(
                    Violation(
                        invariant: "I13",
                        detail: "\(claim.refund.key) of \(claim.refund.amount) at unit \(unit) was carried out "
                            + "\(times) times" + (claim.isDone ? "" : ", and is open")))
            }
        }
        return found
    }

    private var openQuestions: [Violation] {
        guard let trade else { return [] }
        var found: [Violation] = []
        for (number, callback) in trade.callbacks.enumerated() where callback.answer == nil {
            found.append(
                Violation(invariant: "L2", detail: "callback \(number) of order \(callback.notice.order): no answer"))
        }
        for unit in self.units.keys {
            for order in (trade.judge.doubts[unit] ?? []).sorted(by: { "\($0)" < "\($1)" }) {
                found.append(Violation(invariant: "L2", detail: "unit \(unit) is in doubt about order \(order)"))
            }
            guard let machine = self.units[known: unit].process?.machine, machine.questionsOpen > 0 else { continue }
            found.append(
                Violation(invariant: "L2", detail: "unit \(unit) still asks about \(machine.questionsOpen) orders"))
        }
        return found
    }

    private var untold: [Violation] {
        guard let trade else { return [] }
        var found: [Violation] = []
        for unit in self.units.keys {
            var at = OutboxCursor.start
            let end = UInt64(self.units[known: unit].ledger.entries.count)
            for (place, kind, order) in self.facts(of: unit, from: &at, to: end) {
                if trade.shop.facts[unit]?[place] == SimulatedShop.Fact(kind: kind, order: order) { continue }
                if trade.judge.excused.contains(order) { continue }
                // The place was used before the ledger was set back, and the shop has that event.
                if trade.shop.facts[unit]?[place] != nil, self.checker.setBack.contains(unit) { continue }
                found.append(
                    Violation(
                        invariant: "I15",
                        detail: "the shop has not heard \(kind.name) of order \(order), unit \(unit)"))
            }
        }
        return found
    }
}

extension World {
    /// Items of orders that were paid after their ledger had been set back to before it gave these items back. The unit
    /// cannot tell them from orders that were paid in what it has lost, and it believes the provider.
    func paidForAgain(_ lot: LotID, _ generation: Generation, _ orders: OrderTable) -> Int {
        guard let lost = self.trade?.judge.givenBackByLost, !lost.isEmpty else { return 0 }
        let quantity = orders.filter {
            $0.lot == lot && $0.generation == generation && $0.state == .paid && lost.contains($0.id)
        }.reduce(0) { $0 + Int($1.quantity) }
        if quantity > 0 { self.mark("paid after a lost ledger gave its items back") }
        return quantity
    }

    /// Whether a unit's alarm is about an order whose money a set-back ledger has lost.
    func isOfLostMoney(_ text: String) -> Bool {
        self.trade?.judge.owedByLost.contains { text.contains("\($0)") } ?? false
    }
}
