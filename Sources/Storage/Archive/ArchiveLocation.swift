import Foundation
package import PostgresClient
package import TrancheCore

/// Where a ledger has the orders of settled lots: in files beside it, or in its own database.
package enum ArchiveLocation: Sendable {
    case folder(String)
    /// The folder has the files of lots that were archived before the ledger came into the database, if an earlier
    /// version copied it there.
    case postgres(PostgresTarget, PostgresLedger.Settings, folder: String)

    /// For reading only.
    init(reading target: PostgresTarget, folder: String) {
        self = .postgres(target, PostgresLedger.Settings(allowsUnreplicated: true), folder: folder)
    }

    /// Writes the orders of a lot, durably. They do not count before the ledger names the lot.
    ///
    /// - Parameter orders: Orders of this and of other lots; those of the lot are final.
    package func write(_ lot: LotID, of orders: OrderTable) throws(StorageError) -> ArchivedLot {
        switch self {
        case .folder(let folder): return try LotArchive.write(lot, of: orders, in: folder)
        case .postgres(let target, let settings, _):
            do { return try PostgresArchive(writing: target, settings).write(lot, of: orders) } catch {
                throw StorageError(error, path: "\(target)")
            }
        }
    }

    /// Calls `body` for each order of a lot, by id.
    ///
    /// - Returns: What is there, by its own bytes; to be compared with what the ledger says.
    package func forEachOrder(_ lot: LotID, _ body: (StoredOrder) -> Void) throws(StorageError) -> ArchivedLot {
        switch self {
        case .folder(let folder): return try LotArchive.forEachOrder(lot, in: folder, body)
        case .postgres(let target, _, let folder):
            do {
                let found = try PostgresArchive(reading: target).forEachOrder(lot, body)
                if found.orders > 0 || !Self.hasFile(lot, in: folder) { return found }
            } catch { throw StorageError(error, path: "\(target)") }
            return try LotArchive.forEachOrder(lot, in: folder, body)
        }
    }

    static func hasFile(_ lot: LotID, in folder: String) -> Bool {
        !folder.isEmpty && FileManager.default.fileExists(atPath: LotArchive.path(lot, in: folder))
    }
}
