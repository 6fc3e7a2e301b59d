import GRDB
package import TrancheCore

/// An operator's request that takes effect once, even if it is sent several times.
package struct OperatorAct: Sendable {
    /// The idempotency key: chosen by the caller, the same for every repetition.
    package let key: String
    /// A description of the request: the same key with another description is refused.
    package let what: String
    /// Of an act that a second person approved; it is written in the transaction of the act, and not kept with it.
    package let approval: Approval?

    /// The end of a proposal, and the approver's line of the audit trail.
    package struct Approval: Hashable, Sendable {
        package let proposal: UInt64
        package let end: ProposalEnd
        package let note: AuditNote

        package init(proposal: UInt64, end: ProposalEnd, note: AuditNote) {
            (self.proposal, self.end, self.note) = (proposal, end, note)
        }
    }

    package init(key: String, what: String, approval: Approval? = nil) {
        (self.key, self.what, self.approval) = (key, what, approval)
    }
}

/// Two requests are the same act by their key and what they do, whoever approved.
extension OperatorAct: Hashable {
    package static func == (one: OperatorAct, other: OperatorAct) -> Bool {
        one.key == other.key && one.what == other.what
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.key)
        hasher.combine(self.what)
    }
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
        if let approval = act.approval {
            try Self.keep(approval.note, database)
            try Self.keep(approval.end, of: approval.proposal, database)
        }
    }
}
