import Foundation
import GRDB
import LedgerRows
import NIOConcurrencyHelpers
import TrancheCore

/// Looks orders up in the files of settled lots.
final class OrderFiles: OrderSource {
    /// Files that are open at a time, at most.
    static let openFiles = 16

    let folder: String
    private let open = NIOLockedValueBox<[(lot: LotID, file: DatabaseQueue)]>([])

    init(folder: String) { self.folder = folder }

    /// A look-up takes microseconds, and their number is limited.
    var timePerSecond: Duration { .seconds(1_000) }

    func open(_ lots: [LotID]) {}

    func order(_ id: OrderID, in lots: [LotID]) throws -> StoredOrder? {
        try self.open.withLockedValue { open in
            for lot in lots {
                let form = try self.file(lot, &open).read { database in
                    try Data.fetchOne(
                        database, sql: "SELECT form FROM orders WHERE id = ?", arguments: [LotArchive.key(id)])
                }
                guard let form else { continue }
                guard let stored = form.withUnsafeBytes({ OrderForm.order($0) }) else {
                    throw StorageError.corrupt(path: LotArchive.path(lot, in: self.folder), detail: "order \(id)")
                }
                return stored
            }
            return nil
        }
    }

    private func file(_ lot: LotID, _ open: inout [(lot: LotID, file: DatabaseQueue)]) throws -> DatabaseQueue {
        if let known = open.first(where: { $0.lot == lot }) { return known.file }
        let file = try DurableDatabase.openToRead(LotArchive.path(lot, in: self.folder))
        if open.count >= Self.openFiles { open.removeFirst() }
        open.append((lot, file))
        return file
    }
}
