import TrancheCore

/// The center's disk and its process.
struct SimulatedCenter {
    var log: [AuthorityRecord] = []
    var witnesses: [UnitID: LedgerHead] = [:]
    var authority: QuotaAuthority?
    /// What was last told to each unit: only the planted faults need it.
    var lastTold: [UnitID: [LotID: Int]] = [:]
    var heardAt: [UnitID: Instant] = [:]

    /// What the log says.
    var book: AuthorityBook {
        var book = AuthorityBook()
        for record in self.log { book.apply(record) }
        return book
    }
}
