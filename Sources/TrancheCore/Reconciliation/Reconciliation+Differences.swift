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
            if self.hasProvider, provider?.charges ?? 0 == 0 { add(.notCharged, "the provider has no charge") }
        } else {
            if shop?.state == .paid { add(.toldNotPaid, "\(kept.state.name) here, and paid at the shop") }
            // A charge that was given back, or that has to be, is no payment that we lack.
            if let provider, provider.charges > provider.refunds, self.due[id] == nil {
                add(.toldNotPaid, "\(kept.state.name) here, and charged by the provider")
            }
        }
        if let mine = shop?.amount, let other = provider?.amount, mine != other {
            add(.amountDiffers, "\(mine) at the shop, \(other) at the provider")
        }
    }

    private func findRefunds(_ id: OrderID, _ due: [Due], into all: inout [Difference]) {
        let list = self.hasProvider ? self.provider[id] : self.shop[id]
        var named = list?.refunded ?? [:]
        // Lines that name no payment stand for any of the order.
        var unnamed = (list?.refunds ?? 0) - named.values.reduce(0, +)
        for one in due {
            if let count = named[one.payment], count > 0 {
                named[one.payment] = count - 1
            } else if unnamed > 0 {
                unnamed -= 1
            } else {
                all.append(
                    Difference(
                        .refundDue, id, lot: self.kept[id]?.lot, unit: one.unit,
                        "payment \(one.payment) was not given back", repair: .replay(one.event)))
            }
        }
    }

    /// A payment goes back once; an order's payments go back no more often than there were any.
    private func findDoubleRefunds(_ id: OrderID, _ kept: Kept?, into all: inout [Difference]) {
        let payments = (self.due[id]?.count ?? 0) + (kept?.state == .paid ? 1 : 0)
        for (name, list) in [("shop", self.shop[id]), ("provider", self.provider[id])] {
            guard let list,
                list.refunds > max(1, payments, list.charges) || list.refunded.values.contains(where: { $0 > 1 })
            else { continue }
            all.append(
                Difference(
                    .refundedTwice, id, lot: kept?.lot, unit: kept?.unit,
                    "\(list.refunds) refunds at the \(name), and \(max(payments, list.charges)) payments"))
        }
    }

    private func findStuck(
        _ id: OrderID, _ kept: Kept, ended: Set<LotID>, now: Instant, into all: inout [Difference]
    ) {
        let why: String
        switch kept.state {
        case .reserved where kept.deadline.advanced(milliseconds: Self.slackMilliseconds) < now:
            why = "reserved, and its time to pay is over"
        case .contested where self.decided.contains(id): why = "contested, and the log has its verdict"
        case .reserved where ended.contains(kept.lot), .contested where ended.contains(kept.lot):
            why = "\(kept.state.name), and its sale is settled"
        case .reserved, .contested, .paid, .cancelled, .expired, .lost: return
        }
        all.append(Difference(.stuck, id, lot: kept.lot, unit: kept.unit, why))
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
