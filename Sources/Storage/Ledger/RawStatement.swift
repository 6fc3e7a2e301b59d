import GRDB
import GRDBSQLite
import TrancheCore

/// A prepared statement for the hot path, whose values are bound without boxing.
///
/// Created, used and finalized on the queue of its connection only.
final class RawStatement {
    private var handle: OpaquePointer?
    private let connection: OpaquePointer

    init(_ database: Database, _ sql: String) throws {
        guard let connection = database.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        self.connection = connection
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &self.handle, nil)
        guard code == SQLITE_OK else { throw self.error(code) }
    }

    deinit { sqlite3_finalize(self.handle) }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { sqlite3_bind_int64(self.handle, index, value) } else { sqlite3_bind_null(self.handle, index) }
    }

    func bind(_ index: Int32, _ order: OrderID?) {
        guard let order else {
            sqlite3_bind_null(self.handle, index)
            return
        }
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        withUnsafeBytes(of: (order.high.bigEndian, order.low.bigEndian)) {
            _ = sqlite3_bind_blob(self.handle, index, $0.baseAddress, 16, transient)
        }
    }

    /// Executes the statement, and resets it for the next values.
    func execute() throws {
        let code = sqlite3_step(self.handle)
        sqlite3_reset(self.handle)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw self.error(code) }
    }

    /// Rows that the last execution of an `UPDATE` found, also those that kept their values. Valid until the connection
    /// runs another statement that writes.
    var changedRows: Int { Int(sqlite3_changes(self.connection)) }

    /// Executes the statement with a blob, which is not copied.
    func execute(blob: [UInt8], at index: Int32) throws {
        try blob.withUnsafeBytes { bytes in
            sqlite3_bind_blob(self.handle, index, bytes.baseAddress, Int32(bytes.count), nil)
            defer { sqlite3_bind_null(self.handle, index) }
            try self.execute()
        }
    }

    private func error(_ code: Int32) -> DatabaseError {
        DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(self.connection)))
    }
}
