// Units that are added to open sales, in the log.

extension QuotaAuthority {
    /// Lets homes refer new buyers of some lots to a unit. It can be repeated at any time.
    ///
    /// - Parameter homes: The units of its region that had buyers of the sale before.
    /// - Returns: The homes that got a new branch, in order: tell them at once.
    package mutating func branch(
        _ lots: [LotID], from homes: [UnitID], to unit: UnitID, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) -> [UnitID] {
        guard self.book.units[unit] != nil else { throw .unknownUnit(unit) }
        for lot in lots where self.book.lots[lot] == nil { throw .unknownLot(lot) }
        var touched: Set<UnitID> = []
        for home in homes.sorted() where home != unit {
            for lot in lots where !self.book.hasBranch(lot, of: home, to: unit) {
                // A home that was never heard of has no ledger that could have been lost.
                let generation = self.book.units[home]?.generation ?? Generation(1)
                self.append(
                    .branched(lot, BranchRecord(home: home, unit: unit, generation: generation)), into: &records)
                touched.insert(home)
            }
        }
        return touched.sorted()
    }

    func branches(of home: UnitID, _ lot: LotID) -> [BranchRecord]? {
        guard let branches = self.book.lots[lot]?.branches?.filter({ $0.home == home }), !branches.isEmpty else {
            return nil
        }
        return branches
    }
}
