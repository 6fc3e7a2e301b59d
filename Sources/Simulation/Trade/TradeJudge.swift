import TrancheCore

/// What the ledgers say of orders and money, for the judgement of provider, shop and relays: with its own reading of the
/// entries, which it shares with no machine.
struct TradeJudge {
    struct Claim {
        let refund: Refund
        var isDone = false
    }
    /// Orders about which the machines of a unit had the provider asked.
    var asked: Set<OrderID> = []
    /// The last process that had a clear answer about an order.
    var cleared: [OrderID: UInt64] = [:]
    /// What the orders that are paid cost.
    private(set) var paid: [UnitID: [OrderID: Money]] = [:]
    private(set) var claims: [UnitID: [RefundKey: Claim]] = [:]
    private(set) var doubts: [UnitID: Set<OrderID>] = [:]
    /// Orders with facts, and those with money, that a set-back ledger has lost.
    private(set) var excused: Set<OrderID> = []
    private(set) var owedByLost: Set<OrderID> = []
    /// Orders whose items were given back, and could be sold again, in what a set-back ledger has lost.
    private(set) var givenBackByLost: Set<OrderID> = []
    /// Up to where each cursor was judged.
    var judged: [UnitID: OutboxCursor] = [:]

    /// What is listed for a person, by the order: no unit has it carried out, so the provider keeps it.
    var listed: [OrderID: [Money]] {
        var listed: [OrderID: [Money]] = [:]
        for claim in self.claims.values.flatMap(\.values) where !claim.refund.isByProvider {
            listed[claim.refund.order, default: []].append(claim.refund.amount)
        }
        return listed
    }

    /// - Parameter session: The process that wrote the entries; `nil` to read them again, without any judgement.
    mutating func appended(
        _ unit: UnitID, _ entries: [LedgerEntry], by session: UInt64?, clock: Instant, _ terms: ProviderTerms,
        _ provider: SimulatedProvider
    ) -> [Violation] {
        var found: [Violation] = []
        func expect(_ holds: Bool, _ invariant: String, _ detail: @autoclosure () -> String) {
            if session != nil, !holds { found.append(Violation(invariant: invariant, detail: detail())) }
        }
        for entry in entries {
            switch entry {
            case .released(let order, .expired):
                let isHeldOut = entries.contains {
                    if case .doubt(order.id, isOpen: true) = $0 { true } else { false }
                }
                expect(
                    isHeldOut ? self.asked.contains(order.id) : self.cleared[order.id] == session, "I14",
                    "unit \(unit) gave the items of order \(order.id) back, and the provider had not said that it is unpaid"
                )
                let end = order.deadline.advanced(milliseconds: isHeldOut ? terms.holdUnknownMilliseconds : 0)
                expect(clock >= end, "I14", "unit \(unit) gave the items of order \(order.id) back before \(end)")
            case .confirmed(let order, _), .revived(let order, _):
                self.paid[unit, default: [:]][order.id] = order.amount
                let kept = provider.kept(order.id, in: order.amount.currency)
                expect(
                    kept >= order.amount.minor || self.owedByLost.contains(order.id), "I13",
                    "order \(order.id) is paid at unit \(unit), and the provider has \(kept) of \(order.amount)")
            case .refundDue(let refund):
                let old = self.claims[unit, default: [:]].updateValue(Claim(refund: refund), forKey: refund.key)
                expect(old == nil, "I13", "\(refund.key) is due twice")
            case .refunded(let key):
                expect(
                    provider.carriedOut[key] != nil || self.owedByLost.contains(key.order), "I13",
                    "unit \(unit) notes \(key) as done, and the provider has carried nothing out")
                self.claims[unit]?[key]?.isDone = true
            case .doubt(let order, true): self.doubts[unit, default: []].insert(order)
            case .doubt(let order, false): self.doubts[unit]?.remove(order)
            default: break
            }
        }
        return found
    }

    /// The ledger was set back: what it lost is no evidence any more, and no promise.
    mutating func restored(_ unit: UnitID, lost: [LedgerEntry], left: [LedgerEntry], cursor: OutboxCursor) {
        for entry in lost {
            for (_, order) in entry.facts { self.excused.insert(order) }
            switch entry {
            case .confirmed(let order, _), .revived(let order, _): self.owedByLost.insert(order.id)
            case .received(let order, _, _): self.owedByLost.insert(order)
            case .refundDue(let refund): self.owedByLost.insert(refund.order)
            case .released(let order, _): self.givenBackByLost.insert(order.id)
            default: break
            }
        }
        (self.paid[unit], self.claims[unit], self.doubts[unit]) = (nil, nil, nil)
        self.judged[unit] = cursor
        _ = self.appended(unit, left, by: nil, clock: .distantPast, ProviderTerms(), SimulatedProvider())
    }
}

extension LedgerEntry {
    /// What a shop has to hear of an entry: the judge's own reading.
    var facts: [(kind: OutboxEvent.Kind, order: OrderID)] {
        switch self {
        case .reserved(let order): [(.reserved, order.id)]
        case .confirmed(let order, _): [(.paid, order.id)]
        case .revived(let order, _): [(.revived, order.id)]
        case .released(let order, .expired): [(.expired, order.id), (.stockReturned, order.id)]
        case .released(let order, _): [(.cancelled, order.id), (.stockReturned, order.id)]
        case .allocated(let order, let isOffer):
            [(order.state == .reserved ? isOffer ? .claimOffered : .won : .stockReturned, order.id)]
        case .lost(let order): [(order.state == .lost ? .lost : .cancelled, order.id)]
        case .received(let order, _, _): [(.received, order)]
        case .refundDue(let refund): [(.refundDue, refund.order)]
        case .refunded(let key): [(.refunded, key.order)]
        default: []
        }
    }
}
