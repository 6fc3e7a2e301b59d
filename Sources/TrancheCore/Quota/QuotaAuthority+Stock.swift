// How stock comes into being: the issue, the first grants, and what is added later.

extension QuotaAuthority {
    /// Adds stock to a lot's pool.
    package mutating func issue(
        _ lot: LotID, quantity: Int, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) {
        try Self.check(quantity, after: self.book.lots[lot]?.issued ?? 0)
        self.append(.issued(lot, quantity: quantity), into: &records)
    }

    /// What a lot will have in all when `quantity` is added. Nothing is added yet.
    ///
    /// - Throws: What ``issue(_:quantity:into:)`` would throw; and `unknownLot` for a lot that was never issued.
    package func issued(_ lot: LotID, with quantity: Int) throws(AuthorityError) -> Int {
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        try Self.check(quantity, after: state.issued)
        return state.issued + quantity
    }

    private static func check(_ quantity: Int, after issued: Int) throws(AuthorityError) {
        guard quantity > 0, quantity <= Limits.stockPerLot - issued else {
            throw .invalidQuantity(quantity, limit: Limits.stockPerLot - issued)
        }
    }

    /// Issues the lots that the log does not have, and contends those that are contested from the start, before anything of
    /// them can be granted.
    ///
    /// - Throws: `unknownLot` for a lot whose carried stock is not there yet: its items are still those of the other lot.
    package mutating func issue(
        _ lots: [PlannedLot], into records: inout [AuthorityRecord]
    ) throws(AuthorityError) {
        for lot in lots {
            if self.book.lots[lot.lot] == nil {
                guard !lot.isCarried else { throw .unknownLot(lot.lot) }
                try self.issue(lot.lot, quantity: lot.stock, into: &records)
            } else if !lot.isCarried {
                continue
            }
            if lot.start == .fromTheStart { _ = try self.contend(lot.lot, lot.terms, into: &records) }
        }
    }

    /// Issues and grants what warming lots still lack, also after a center that ended half-way. It counts earlier
    /// issues and grants, so it can be repeated at any time.
    ///
    /// - Returns: The units that got something, in order: tell them at once.
    package mutating func warm(_ lots: [PlannedLot], into records: inout [AuthorityRecord]) -> [UnitID] {
        var touched: Set<UnitID> = []
        for lot in lots {
            // Refused only if the configuration was: its check has the same limits.
            try? self.issue([lot], into: &records)
            for part in lot.parts {
                guard let generation = self.book.units[part.unit]?.generation else { continue }
                let missing = part.quantity - self.book.account(lot.lot, part.unit, generation).granted
                guard missing > 0,
                    let granted = try? self.grant(lot.lot, to: part.unit, quantity: missing, into: &records)
                else { continue }
                if granted > 0 { touched.insert(part.unit) }
            }
        }
        return touched.sorted()
    }

    /// The last report of a unit that reports; `nil` for a silent unit. A hint only, never safety.
    package func fresh(_ unit: UnitID, now: Instant) -> UnitReport? {
        guard let seen = self.seen[unit], now.milliseconds(since: seen.at) <= Self.silenceMilliseconds else {
            return nil
        }
        return seen.report
    }
}
