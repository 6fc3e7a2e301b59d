import Foundation
import GRDB
import PostgresClient
package import TrancheCore

/// Copies a ledger, as an operator's backup does, or into another database.
package enum LedgerCopy {
    /// Copies the ledger at `path`, which may be in use, to `target`, which must not exist.
    ///
    /// The center detects a unit that starts on an older copy: its quota is stranded, and the unit starts a new
    /// generation.
    package static func make(of path: String, at target: String) throws(StorageError) {
        let source = try DurableDatabase.openToRead(path)
        do { try source.backup(to: try DatabaseQueue(path: target)) } catch { throw StorageError(error, path: target) }
    }

    /// What a copy has.
    package struct Result: Hashable, Sendable {
        package let unit: UnitID
        package let commits: Int
        package let head: LedgerHead
    }

    /// Copies a ledger that is not in use, commit for commit under the same digests, into an empty location: a file
    /// that does not exist, or a database without a ledger.
    ///
    /// Commits that have left a file for its archive are in the copy's journal again. So are the cursors of consumers.
    /// The orders of settled lots go where the target has its own. A copy that was broken off has no identity, and no
    /// unit opens it.
    ///
    /// - Parameter archives: The folder beside a ledger in PostgreSQL: it has lots that were archived while the ledger
    ///   was a file.
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the source's hash chain breaks; the copy is not usable
    ///   then.
    package static func move(
        _ source: LedgerLocation, to target: LedgerLocation, archives: String = ""
    ) throws(StorageError) -> Result {
        do {
            let reader = try LedgerReader(source)
            return try reader.read {
                let writer = try LedgerWriter(target)
                var (last, commits) = (LedgerHead.empty, 0)
                var archived: [ArchivedLot] = []
                try reader.forEachRow { head, bytes in
                    let commit = LedgerReading.audited(bytes, from: last, to: head)
                    guard commit.isChained else {
                        throw StorageError.corrupt(
                            path: "\(source)", detail: "the hash chain breaks at position \(head.position)")
                    }
                    for case .archived(let lot) in commit.entries ?? [] { archived.append(lot) }
                    try writer.add(head, Array(bytes))
                    (last, commits) = (head, commits + 1)
                }
                try self.copy(archived, from: source.archives(archives), to: target.newArchives)
                let identity = try reader.identity()
                try writer.end(identity, try reader.accounts(), try reader.outbox())
                return Result(unit: UnitID(UInt16(truncatingIfNeeded: identity.unit)), commits: commits, head: last)
            }
        } catch { throw StorageError(error, path: "\(target)") }
    }

    /// Lots that the target has already are left as they are: a ledger may come back to the folder in which they were
    /// archived.
    private static func copy(
        _ archived: [ArchivedLot], from source: ArchiveLocation, to target: ArchiveLocation
    ) throws {
        for one in archived where (try? target.forEachOrder(one.lot) { _ in }) != one {
            var orders = OrderTable()
            let found = try source.forEachOrder(one.lot) { stored in
                orders.set(stored.order)
                if let payment = stored.payment { orders.pay(stored.order.id, payment) }
            }
            guard found == one, try target.write(one.lot, of: orders) == one else {
                throw StorageError.corrupt(
                    path: "the archive of lot \(one.lot)", detail: "it is not the one that the ledger names")
            }
        }
    }
}

extension LedgerLocation {
    /// - Parameter folder: The folder beside a ledger in PostgreSQL.
    fileprivate func archives(_ folder: String) -> ArchiveLocation {
        switch self {
        case .file(let path): .folder(JournalArchive.folder(of: path))
        case .postgres(let target): ArchiveLocation(reading: target, folder: folder)
        }
    }

    /// Where a copy has its own.
    fileprivate var newArchives: ArchiveLocation {
        switch self {
        case .file(let path): .folder(LotArchive.folder(of: path))
        case .postgres(let target):
            .postgres(target, PostgresLedger.Settings(allowsUnreplicated: true), folder: "")
        }
    }
}
