// What the lists and the ledgers disagree about.

extension Reconciliation {
    /// All differences, by kind and then by order.
    ///
    /// - Parameters:
    ///   - lots: Only orders of these lots, and those that no ledger knows; all orders if `nil`.
    ///   - ended: Lots whose sale is settled: no order of them may be undecided.
    ///   - now: The moment by which deadlines are judged.
    package func differences(lots: Set<LotID>? = nil, ended: Set<LotID>, now: Instant) -> [Difference] {
        var all: [Difference] = []
        for (id, kept) in self.kept where lots?.contains(kept.lot) ?? true {
            self.compare(id, kept, into: &all)
            self.comparePayments(id, kept, into: &all)
            self.findStuck(id, kept, ended: ended, now: now, into: &all)
        }
        for (id, due) in self.due where lots == nil || self.kept[id].map({ lots!.contains($0.lot) }) ?? true {
            self.findRefunds(id, due, into: &all)
        }
        for (id, owed) in self.owed where lots?.contains(owed.order.lot) ?? true {
            all.append(
                Difference(
                    .owed, id, lot: owed.order.lot, unit: owed.unit,
                    "\(owed.order.state.name) in a replaced ledger, and in no ledger that is in use"))
        }
        for dead in self.dead where lots == nil || self.kept[dead.order].map({ lots!.contains($0.lot) }) ?? true {
            all.append(
                Difference(
                    .givenUp, dead.order, lot: self.kept[dead.order]?.lot, unit: dead.unit,
                    "\(dead.consumer) did not take \(dead.kind.name): \(dead.reason)",
                    repair: .revive(consumer: dead.consumer)))
        }
        for id in Set(self.shop.keys).union(self.provider.keys) {
            guard let kept = self.kept[id] else {
                // A payment that is due back is known, although its order is not.
                if self.due[id] == nil, self.owed[id] == nil {
                    all.append(Difference(.unknownToUs, id, "listed by \(self.listers(of: id))"))
                }
                if self.due[id] != nil { self.comparePayments(id, nil, into: &all) }
                self.findDoubleRefunds(id, nil, into: &all)
                continue
            }
            if lots?.contains(kept.lot) ?? true { self.findDoubleRefunds(id, kept, into: &all) }
        }
        let ranks = Dictionary(uniqueKeysWithValues: Difference.Kind.allCases.enumerated().map { ($1, $0) })
        return all.sorted {
            (ranks[$0.kind]!, $0.order, $0.detail) < (ranks[$1.kind]!, $1.order, $1.detail)
        }
    }

    private func listers(of id: OrderID) -> String {
        [self.shop[id] == nil ? nil : "the shop", self.provider[id] == nil ? nil : "the provider"]
            .compactMap { $0 }.joined(separator: " and ")
    }

    private func compare(_ id: OrderID, _ kept: Kept, into all: inout [Difference]) {
        let (shop, provider) = (self.shop[id], self.provider[id])
        func add(_ kind: Difference.Kind, _ detail: String, repair: Difference.Repair? = nil) {
            all.append(Difference(kind, id, lot: kept.lot, unit: kept.unit, detail, repair: repair))
        }
        if kept.state == .paid {
            if self.hasShop, shop?.state != .paid, shop?.state != .refunded {
                add(
                    .paidNotTold, "paid with \(kept.payment?.rawValue ?? "?"); the shop has \(Self.name(shop?.state))",
                    repair: kept.paid.map { .replay($0) })
            }
        } else if shop?.state == .paid {
            add(.toldNotPaid, "\(kept.state.name) here, and paid at the shop")
        }
        if let mine = shop?.amount, let other = provider?.amount, mine != other {
            add(.amountDiffers, "\(mine) at the shop, \(other) at the provider")
        }
    }

    private func findStuck(
        _ id: OrderID, _ kept: Kept, ended: Set<LotID>, now: Instant, into all: inout [Difference]
    ) {
        let why: String
        switch kept.state {
        case .reserved where kept.deadline.advanced(milliseconds: Self.slackMilliseconds) < now:
            why = "reserved, and its time to pay is over"
        case .contested where self.isVerdictLate(id, now): why = "contested, and the log has its verdict"
        case .reserved where ended.contains(kept.lot), .contested where ended.contains(kept.lot):
            why = "\(kept.state.name), and its sale is settled"
        case .reserved, .contested, .paid, .cancelled, .expired, .lost: return
        }
        all.append(Difference(.stuck, id, lot: kept.lot, unit: kept.unit, why))
    }

    /// The log was read before the ledgers, so a unit may just be learning a verdict that is not old.
    private func isVerdictLate(_ id: OrderID, _ now: Instant) -> Bool {
        guard let decided = self.decided[id] else { return false }
        return decided.advanced(milliseconds: Self.slackMilliseconds) < now
    }

    private static func name(_ state: ListedOrder.State?) -> String {
        switch state {
        case nil: "no such order"
        case .open: "it open"
        case .paid: "it paid"
        case .over: "it ended without payment"
        case .refundDue: "a refund due"
        case .refunded: "it refunded"
        }
    }
}
