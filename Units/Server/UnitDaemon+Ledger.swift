import DaemonSupport
import Storage
import TrancheCore

// Which ledger a unit has.

extension UnitDaemon {
    /// Opens the ledger that the configuration names, or makes it.
    ///
    /// - Throws: ``StartError`` if the folder has one in another location: a new, empty ledger would begin, and what
    ///   the unit
    ///   has sold would be stranded.
    static func openLedger(_ configuration: UnitConfiguration) throws -> any LedgerStore {
        let newID = LedgerID(UInt64.random(in: 1...UInt64.max))
        let used = try LedgerLocation.inUse(in: configuration.folder)
        guard let target = configuration.postgres else {
            if case .postgres? = used {
                throw StartError(
                    "this unit's ledger is in PostgreSQL, as \(configuration.folder)/\(LedgerLocation.noteName) says: set "
                        + "ledger.postgres, or move the ledger with `tranche ledger copy` and remove that file")
            }
            return try UnitLedger(path: configuration.ledgerFile, unit: configuration.unit, newID: newID)
        }
        if case .file(let path)? = used {
            throw StartError(
                "this unit's ledger is \(path), but ledger.postgres is set: move the ledger with "
                    + "`tranche ledger copy`, then rename that file")
        }
        let ledger = try PostgresLedger(
            target, unit: configuration.unit, newID: newID,
            settings: PostgresLedger.Settings(allowsUnreplicated: configuration.allowsUnreplicated))
        try LedgerLocation.write(target, in: configuration.folder)
        return ledger
    }
}

extension UnitConfiguration {
    var ledgerFile: String { self.folder + "/" + LedgerLocation.fileName }
    var archiveFolder: String { LotArchive.folder(of: self.ledgerFile) }
}
