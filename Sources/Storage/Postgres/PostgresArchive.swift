import LedgerRows
import PostgresClient
import TrancheCore

/// The orders of settled lots as rows of the ledger's own database, so that they go where the ledger goes.
///
/// An order that is final never changes, and neither does its row. So rows can be written again, by whichever process,
/// and need no condition: those of a lot count when the journal names the lot, and the commit that does so fails if
/// they are not all there.
struct PostgresArchive {
    private static let rowsPerStatement = 500
    private static let rowsPerPage = 1_000

    private let connection: PostgresConnection

    init(writing target: PostgresTarget, _ settings: PostgresLedger.Settings) throws(PostgresError) {
        self.connection = try PostgresConnection(target, application: "tranche-archive", limits: settings.limits)
        try self.connection.checkDurability(
            allowsUnreplicated: settings.allowsUnreplicated, permission: settings.permission)
    }

    init(reading target: PostgresTarget) throws(PostgresError) {
        self.connection = try PostgresConnection(target, application: "tranche-archive")
    }

    /// A call that was broken off leaves rows, which the next one finds.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the database has other orders of the lot than these.
    func write(_ lot: LotID, of orders: OrderTable) throws -> ArchivedLot {
        let rows = LotArchive.rows(of: lot, in: orders)
        var digest = ArchiveDigest()
        for start in stride(from: 0, to: rows.count, by: Self.rowsPerStatement) {
            var values: [PostgresValue] = []
            for (id, row) in rows[start...].prefix(Self.rowsPerStatement) {
                let form = OrderForm.bytes(orders.order(at: row), payment: orders.payment(at: row))
                form.withUnsafeBytes { digest.add($0) }
                values += [.bytes([UInt8](LotArchive.key(id))), .integer(Int64(lot.rawValue)), .bytes(form)]
            }
            _ = try self.connection.transact([Self.insert(values)])
        }
        let written = ArchivedLot(lot: lot, orders: rows.count, digest: digest.value)
        guard try self.forEachOrder(lot, { _ in }) == written else {
            throw StorageError.corrupt(
                path: "\(self.connection.target)", detail: "its archive has other orders of lot \(lot) than the ledger")
        }
        // Rows that were there already may have been confirmed to nobody. Behind this commit they are as durable as it
        // is.
        _ = try self.connection.transact([PostgresStatement("UPDATE identity SET barrier = barrier + 1")])
        return written
    }

    private static func insert(_ values: [PostgresValue]) -> PostgresStatement {
        let tuples = stride(from: 1, to: values.count, by: 3).map { "($\($0), $\($0 + 1), $\($0 + 2))" }
        return PostgresStatement(
            "INSERT INTO archived_orders (id, lot, form) VALUES " + tuples.joined(separator: ", ")
                + " ON CONFLICT DO NOTHING", values)
    }

    /// Calls `body` for each order of a lot, by id. A ledger of an earlier version has none.
    func forEachOrder(_ lot: LotID, _ body: (StoredOrder) -> Void) throws -> ArchivedLot {
        var (digest, count) = (ArchiveDigest(), 0)
        let table = PostgresStatement("SELECT to_regclass('archived_orders') IS NOT NULL")
        guard try self.connection.run(table).integer(0, 0) == 1 else {
            return ArchivedLot(lot: lot, orders: 0, digest: digest.value)
        }
        var last: [UInt8] = []
        while true {
            let rows = try self.connection.run(
                PostgresStatement(
                    "SELECT id, form FROM archived_orders WHERE lot = $1 AND id > $2 ORDER BY id "
                        + "LIMIT \(Self.rowsPerPage)", [.integer(Int64(lot.rawValue)), .bytes(last)]))
            for row in 0..<rows.count {
                let stored = rows.withBytes(row, 1) { bytes -> StoredOrder? in
                    digest.add(bytes)
                    return OrderForm.order(bytes)
                }
                guard let stored = stored ?? nil else { throw self.unreadable("order \(count) of lot \(lot)") }
                body(stored)
                count += 1
                last = rows.bytes(row, 0) ?? last
            }
            if rows.count < Self.rowsPerPage { break }
        }
        return ArchivedLot(lot: lot, orders: count, digest: digest.value)
    }

    private func unreadable(_ what: String) -> StorageError {
        .corrupt(path: "\(self.connection.target)", detail: "\(what) in its archive cannot be read")
    }
}
