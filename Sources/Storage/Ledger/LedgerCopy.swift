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
    /// Commits that have left a file for its archive are in the copy's journal again. So are the cursors of consumers. Files of settled lots are not
    /// copied: they stay in the unit's folder. A copy that was broken off has no identity, and no unit opens it.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the source's hash chain breaks; the copy is not usable
    ///   then.
    package static func move(_ source: LedgerLocation, to target: LedgerLocation) throws(StorageError) -> Result {
        do {
            let reader = try LedgerReader(source)
            return try reader.read {
                let writer = try LedgerWriter(target)
                var (last, commits) = (LedgerHead.empty, 0)
                try reader.forEachRow { head, bytes in
                    guard LedgerReading.commit(bytes, from: last, to: head).isChained else {
                        throw StorageError.corrupt(
                            path: "\(source)", detail: "the hash chain breaks at position \(head.position)")
                    }
                    try writer.add(head, Array(bytes))
                    (last, commits) = (head, commits + 1)
                }
                let identity = try reader.identity()
                try writer.end(identity, try reader.accounts(), try reader.outbox())
                return Result(unit: UnitID(UInt16(truncatingIfNeeded: identity.unit)), commits: commits, head: last)
            }
        } catch { throw StorageError(error, path: "\(target)") }
    }
}
