import TrancheCore

// What the ledger refuses by itself, whatever the code above it decides: I2, and the limit of a buyer.

extension UnitLedger {
    func guardBuyer(_ entry: LedgerEntry, _ buyers: inout BuyerGuard) throws(StorageError) {
        do throws(BuyerGuard.Violation) { try buyers.enforce(entry) } catch { throw error.error(in: self.path) }
    }

    func execute(_ change: CommitPlan.AccountChange, _ statements: Statements) throws {
        let (lot, generation) = (Int64(change.account.lot.rawValue), Int64(change.account.generation.rawValue))
        let statement = statements.changes[change.column.rawValue]
        statement.bind(1, change.value)
        statement.bind(2, lot)
        statement.bind(3, generation)
        try statement.execute()
        // Each account is new once. An insertion before every change would cost as much as the change.
        guard statement.changedRows == 0 else { return }
        statements.account.bind(1, lot)
        statements.account.bind(2, generation)
        try statements.account.execute()
        try statement.execute()
    }
}
