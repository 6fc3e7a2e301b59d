import GRDB

/// An operator's request that takes effect once, even if it is sent several times.
package struct OperatorAct: Hashable, Sendable {
    /// The idempotency key: chosen by the caller, the same for every repetition.
    package let key: String
    /// A description of the request: the same key with another description is refused.
    package let what: String
    package init(key: String, what: String) { (self.key, self.what) = (key, what) }
}

extension AuthorityStore {
    /// Acts that are kept; the oldest ones are deleted.
    package static let actsLimit: Int64 = 10_000

    /// The act with this key; `nil` if there is none.
    package func act(_ key: String) throws(StorageError) -> OperatorAct? {
        try self.read { database in
            try String.fetchOne(database, sql: "SELECT what FROM acts WHERE key = ?", arguments: [key]).map {
                OperatorAct(key: key, what: $0)
            }
        }
    }

    static func keep(_ act: OperatorAct, _ database: Database) throws {
        try database.execute(sql: "INSERT INTO acts (key, what) VALUES (?, ?)", arguments: [act.key, act.what])
        try database.execute(
            sql: "DELETE FROM acts WHERE id <= ?", arguments: [database.lastInsertedRowID - Self.actsLimit])
    }
}
