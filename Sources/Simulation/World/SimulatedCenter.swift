import TrancheCore

/// The center's disk and its process.
struct SimulatedCenter {
    var log: [AuthorityRecord] = []
    var witnesses: [UnitID: LedgerHead] = [:]
    var authority: QuotaAuthority?
    /// The last directives of each unit: only the planted faults need them.
    var lastTold: [UnitID: [LotID: Int]] = [:]
    var heardAt: [UnitID: Instant] = [:]

    /// The authority's memory of a ledger, for the planted fault that answers with it.
    func seenLately(_ unit: UnitID, at position: UInt64) -> LedgerHead? {
        self.authority?.recentWitness(of: unit, at: position)
    }

    /// The state by the log.
    var book: AuthorityBook {
        var book = AuthorityBook()
        for record in self.log { book.apply(record) }
        return book
    }
}
