import Foundation
import GRDB
package import TrancheCore

// Proposals of operators, and how they ended. A number has one row in each table, so a proposal cannot end twice.

extension AuthorityStore {
    /// Proposals that are kept; the oldest ones are deleted.
    package static let proposalsLimit: Int64 = 1_000

    package func append(_ proposal: Proposal, note: AuditNote, as epoch: Epoch) throws(StorageError) {
        try self.write(as: epoch) { database in
            try Self.keep(note, database)
            let id = Int64(bitPattern: proposal.id)
            try database.execute(
                sql: "INSERT INTO proposals VALUES (?, ?)", arguments: [id, try JSONEncoder().encode(proposal)])
            for table in ["proposals", "proposal_ends"] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE id <= ?", arguments: [id - Self.proposalsLimit])
            }
        }
    }

    package func append(
        _ end: ProposalEnd, of proposal: UInt64, note: AuditNote, as epoch: Epoch
    ) throws(StorageError) {
        try self.write(as: epoch) { database in
            try Self.keep(note, database)
            try Self.keep(end, of: proposal, database)
        }
    }

    package func proposals() throws(StorageError) -> [ApprovalBook.Entry] {
        try self.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT p.content, e.content FROM proposals p LEFT JOIN proposal_ends e ON e.id = p.id
                    ORDER BY p.id DESC LIMIT ?
                    """, arguments: [Self.proposalsLimit])
            return try rows.reversed().map { try ApprovalBook.Entry(content: $0[0], end: $0[1]) }
        }
    }

    static func keep(_ end: ProposalEnd, of proposal: UInt64, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO proposal_ends VALUES (?, ?)",
            arguments: [Int64(bitPattern: proposal), try JSONEncoder().encode(end)])
    }

    static func makeProposals(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE proposals (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
                CREATE TABLE proposal_ends (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
                """)
    }
}

extension ApprovalBook.Entry {
    /// As both databases keep it.
    init(content: Data, end: Data?) throws {
        let decoder = JSONDecoder()
        self.init(
            try decoder.decode(Proposal.self, from: content),
            end: try end.map { try decoder.decode(ProposalEnd.self, from: $0) })
    }
}
