import CPostgres

/// A parameter of a statement. Columns for integers are `BIGINT`: the form on the wire has their width.
package enum PostgresValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case bytes([UInt8])
    case text(String)

    /// The number of the type in PostgreSQL's catalogue; 0 lets the server infer it.
    var type: Oid {
        switch self {
        case .null: 0
        case .integer: 20
        case .bytes: 17
        case .text: 25
        }
    }
}

/// A statement with its parameters, `$1` and following. Its text is prepared once in each connection.
package struct PostgresStatement: Sendable {
    package let sql: String
    package let values: [PostgresValue]

    package init(_ sql: String, _ values: [PostgresValue] = []) { (self.sql, self.values) = (sql, values) }
}

/// The rows that a statement has returned, and the number of rows that it has changed.
package final class PostgresRows {
    private let raw: OpaquePointer  // Freed once, in `deinit`.
    package let count: Int
    /// Rows that were inserted, updated, deleted or selected.
    package let affected: Int

    init(_ raw: OpaquePointer) {
        self.raw = raw
        self.count = Int(PQntuples(raw))
        self.affected = PQcmdTuples(raw).flatMap { Int(String(cString: $0)) } ?? 0
    }

    deinit { PQclear(self.raw) }

    /// The command that was carried out, such as `COMMIT`.
    var command: String { String(cString: PQcmdStatus(self.raw)) }

    /// - Returns: `nil` for NULL, and for a value that is no integer or boolean.
    package func integer(_ row: Int, _ column: Int) -> Int64? {
        guard PQfformat(self.raw, Int32(column)) == 1 else { return self.text(row, column).flatMap { Int64($0) } }
        return self.withBytes(row, column) { bytes in
            switch (PQftype(self.raw, Int32(column)), bytes.count) {
            case (20, 8): Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
            case (23, 4): Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
            case (21, 2): Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
            case (16, 1): Int64(bytes[0])
            default: nil
            }
        } ?? nil
    }

    package func bytes(_ row: Int, _ column: Int) -> [UInt8]? { self.withBytes(row, column) { Array($0) } }

    package func text(_ row: Int, _ column: Int) -> String? {
        self.withBytes(row, column) { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` with the bytes of a value, which are valid for the time of the call.
    ///
    /// - Returns: `nil` for NULL.
    package func withBytes<Value>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows
        -> Value?
    {
        precondition(row >= 0 && row < self.count, "row \(row) of \(self.count)")
        guard PQgetisnull(self.raw, Int32(row), Int32(column)) == 0 else { return nil }
        let length = Int(PQgetlength(self.raw, Int32(row), Int32(column)))
        return try body(UnsafeRawBufferPointer(start: PQgetvalue(self.raw, Int32(row), Int32(column)), count: length))
    }
}
