import Foundation
import GRDB
import LedgerRows

/// The format of ledgers of earlier versions: one row for each entry.
enum EarlierLedger {
    /// Calls `body` for each commit with its last position, its digest, and the bytes that the digest covers.
    static func forEachCommit(
        _ database: Database, _ body: (_ end: Int64, _ digest: Data, _ bytes: [UInt8]) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM entries ORDER BY position")
        var next = try rows.next()?.copy()
        for commit in try Row.fetchAll(database, sql: "SELECT position, digest FROM commits ORDER BY position") {
            let end: Int64 = commit[0]
            var bytes: [UInt8] = []
            while let row = next, (row[0] as Int64) <= end {
                self.entry(row)?.encodeWide(into: &bytes)
                next = try rows.next()?.copy()
            }
            try body(end, commit[1], bytes)
        }
    }

    private static func entry(_ row: Row) -> EntryRow? {
        guard let kind = EntryRow.Kind(rawValue: row[1]) else { return nil }
        var entry = EntryRow(kind: kind)
        entry.lot = row[2]
        entry.order = LedgerReading.order(row[3])
        entry.buyer = row[4]
        entry.quantity = row[5]
        entry.detail = row[6]
        entry.generation = row[7]
        entry.value = row[8]
        entry.deadline = row[9]
        entry.text = row[10]
        return entry
    }
}
