import GRDB

/// Something that an operator asks for once, however often the request is sent.
package struct OperatorAct: Hashable, Sendable {
    /// Chosen by the caller; the same one for every repetition.
    package let key: String
    /// What is asked for, in words: the same key for something else is a mistake.
    package let what: String
    package init(key: String, what: String) { (self.key, self.what) = (key, what) }
}

extension AuthorityStore {
    /// Acts that are remembered; the oldest ones are forgotten.
    package static let actsLimit: Int64 = 10_000

    /// What was asked for with a key; `nil` if nothing was done under it.
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
