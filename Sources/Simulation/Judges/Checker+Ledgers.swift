import TrancheCore

// Checks of the units' ledgers.

extension Checker {
    mutating func ledgerAppended(_ unit: UnitID, _ entries: [LedgerEntry]) {
        for entry in entries {
            let generation = self.generations[unit] ?? Generation(1)
            switch entry {
            case .opened(let incarnation):
                self.expect(
                    incarnation > self.lastIncarnation[unit] ?? Incarnation(0), "I6", "incarnation of unit \(unit)")
                self.lastIncarnation[unit] = incarnation
            case .granted(let lot, let total):
                self.change(unit, lot, generation) { $0.granted = max($0.granted, total) }
                let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
                let told = self.authority[account]?.granted ?? 0
                self.expect(total <= told, "I1", "unit \(unit) took \(total) of lot \(lot), granted \(told)")
            case .returned(let lot, let total):
                self.change(unit, lot, generation) { $0.returned = max($0.returned, total) }
                let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
                self.highestReturned[account] = max(self.highestReturned[account] ?? 0, total)
            case .reserved(let order):
                self.ordered(order, at: unit)
                self.change(unit, order.lot, order.generation) { $0.sold += Int(order.quantity) }
                let isNew = self.ledgerOrders[unit, default: []].insert(order.id).inserted
                self.expect(isNew, "I5", "order \(order.id) twice in the ledger of unit \(unit)")
                let switched = self.contended[unit]?[order.lot]
                self.expect(
                    switched.map { order.stamp <= $0 } ?? true, "I10",
                    "unit \(unit) sold order \(order.id) locally in a contest")
            case .released(let order, _):
                self.change(unit, order.lot, order.generation) { $0.cancelled += Int(order.quantity) }
                if !self.lostPayments.contains(order.id) { self.promises[order.id] = nil }
            case .generation(let next): self.generations[unit] = next
            case .contended(let lot): self.contended[unit, default: [:]][lot] = self.lastStamp[unit] ?? .zero
            case .contested(let order, _):
                self.ordered(order, at: unit)
                let isNew = self.contestedOrders[unit, default: []].insert(order.id).inserted
                self.expect(isNew, "I5", "order \(order.id) contested twice in unit \(unit)")
            case .allocated(let order, _): self.allocated(unit, order)
            case .lost(let order):
                let isOpen = self.contestedOrders[unit]?.contains(order.id) == true
                self.expect(isOpen, "I5", "order \(order.id) lost, but never contested")
            case .confirmed(let order, let payment):
                self.confirmed(unit, order, payment)
                self.change(unit, order.lot, order.generation) { $0.paid += Int(order.quantity) }
            case .refundDue(let refund):
                self.refunds[unit, default: []].insert(Refund(order: refund.order, payment: refund.payment))
            case .revived(let order, let payment):
                self.confirmed(unit, order, payment)
                self.change(unit, order.lot, order.generation) { sums in
                    sums.sold += Int(order.quantity)
                    sums.paid += Int(order.quantity)
                }
            case .refused, .nonce, .soldOut, .ceiling, .ceilingReset, .redis, .archived, .branched, .received,
                .refunded,
                .doubt:
                break
            }
        }
    }

    /// A buyer of a lot has orders in one unit's ledger only, whatever their states: elsewhere nobody would count them.
    private mutating func ordered(_ order: Order, at unit: UnitID) {
        let others = self.homes[order.lot]?[order.buyer]?.filter { $0 != unit } ?? []
        self.expect(
            others.isEmpty, "I12",
            "buyer \(order.buyer) of lot \(order.lot) has orders at unit \(unit) and at \(others)")
        self.homes[order.lot, default: [:]][order.buyer, default: []].insert(unit)
    }

    private mutating func allocated(_ unit: UnitID, _ order: Order) {
        self.expect(
            self.allocatedByLog.contains(order.id), "I9",
            "unit \(unit) gave stock to order \(order.id), which the log does not know as allocated")
        self.change(unit, order.lot, order.generation) { sums in
            sums.allocated += Int(order.quantity)
            if order.state == .reserved { sums.sold += Int(order.quantity) }
        }
        guard order.state == .reserved else { return }
        let isNew = self.ledgerOrders[unit, default: []].insert(order.id).inserted
        self.expect(isNew, "I5", "order \(order.id) twice in the ledger of unit \(unit)")
    }

    private mutating func change(_ unit: UnitID, _ lot: LotID, _ generation: Generation, _ body: (inout Sums) -> Void) {
        let account = Account(lot: lot, unit: unit, generation: generation.rawValue)
        body(&self.units[account, default: Sums()])
        let sums = self.units[account]!
        self.expect(
            sums.sold - sums.cancelled + sums.returned <= sums.granted + sums.allocated
                && sums.cancelled <= sums.sold, "I2",
            "unit \(unit), lot \(lot): sold \(sums.sold) - \(sums.cancelled) + returned \(sums.returned) > \(sums.granted) + \(sums.allocated)"
        )
    }

    /// The file was set back. The unit is not blamed for the lost entries, but promises to buyers still count.
    mutating func ledgerRestored(_ unit: UnitID, lost: [LedgerEntry], left: [LedgerEntry]) {
        self.setBack.insert(unit)
        for entry in lost {
            switch entry {
            case .reserved(let order), .allocated(let order, _):
                self.excused.insert(order.id)
                let account = Account(lot: order.lot, unit: unit, generation: order.generation.rawValue)
                if order.state == .reserved {
                    self.lostPromises[account, default: [:]][order.id] = Int(order.quantity)
                }
            case .contested(let order, _), .lost(let order): self.excused.insert(order.id)
            default: break
            }
        }
        for entry in lost {
            switch entry {
            case .confirmed(let order, _), .revived(let order, _):
                self.excused.insert(order.id)
                self.lostPayments.insert(order.id)
            default: break
            }
        }
        for case .refundDue(let refund) in lost { self.excused.insert(refund.order) }
        for case .refused(let order, _, _) in lost { self.excused.insert(order) }
        for case .released(let order, _) in lost { self.excused.insert(order.id) }
        // Who was refused what, before a branch that the ledger may have had, is lost with it.
        let mayLackBranch = self.branched.contains(unit) ? 1 : 0
        for _ in 0..<lost.count(where: { if case .soldOut = $0 { true } else { false } }) + mayLackBranch {
            for (order, answer) in self.outcomes where answer == .soldOut && self.toldBy[order] == unit {
                self.excused.insert(order)
            }
        }
        for account in self.units.keys where account.unit == unit { self.units[account] = nil }
        self.ledgerOrders[unit] = []
        self.confirmed[unit] = nil
        self.refunds[unit] = nil
        self.contended[unit] = nil
        self.contestedOrders[unit] = nil
        for lot in self.homes.keys {
            for buyer in self.homes[lot]!.keys { self.homes[lot]![buyer]!.remove(unit) }
        }
        let violations = self.violations
        self.lastIncarnation[unit] = nil
        self.lastStamp[unit] = nil  // The ceiling may be lost with the tail.
        self.generations[unit] = nil
        self.ledgerAppended(unit, left)
        self.violations = violations
    }
}
