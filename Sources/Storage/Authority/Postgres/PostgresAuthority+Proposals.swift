import Foundation
import PostgresClient
package import TrancheCore

// Proposals of operators, and how they ended, as in a center's file.

extension PostgresAuthority {
    package func append(_ proposal: Proposal, note: AuditNote, as epoch: Epoch) throws(StorageError) {
        let id = Int64(bitPattern: proposal.id)
        let insert = PostgresStatement(
            "INSERT INTO authority.proposals VALUES ($1, $2)",
            [.integer(id), .bytes(try self.content(proposal))])
        let deletions = ["proposals", "proposal_ends"].map {
            PostgresStatement(
                "DELETE FROM authority.\($0) WHERE id <= $1", [.integer(id - AuthorityStore.proposalsLimit)])
        }
        try self.write([AuthorityTrail.statement(note), insert] + deletions, as: epoch)
    }

    package func append(
        _ end: ProposalEnd, of proposal: UInt64, note: AuditNote, as epoch: Epoch
    ) throws(StorageError) {
        try self.write([AuthorityTrail.statement(note), try self.statement(end, of: proposal)], as: epoch)
    }

    package func proposals() throws(StorageError) -> [ApprovalBook.Entry] {
        let rows = try self.desk.run { (connection) throws(PostgresError) -> [(Data, Data?)] in
            let rows = try connection.run(
                PostgresStatement(
                    """
                    SELECT p.content, e.content FROM authority.proposals p
                    LEFT JOIN authority.proposal_ends e ON e.id = p.id ORDER BY p.id DESC LIMIT $1
                    """, [.integer(AuthorityStore.proposalsLimit)]))
            return (0..<rows.count).reversed().map { row in
                (Data(rows.bytes(row, 0) ?? []), rows.bytes(row, 1).map { Data($0) })
            }
        }
        do { return try rows.map { try ApprovalBook.Entry(content: $0, end: $1) } } catch {
            throw StorageError(error, path: self.path)
        }
    }

    func statement(_ end: ProposalEnd, of proposal: UInt64) throws(StorageError) -> PostgresStatement {
        PostgresStatement(
            "INSERT INTO authority.proposal_ends VALUES ($1, $2)",
            [.integer(Int64(bitPattern: proposal)), .bytes(try self.content(end))])
    }

    private func content(_ value: some Encodable) throws(StorageError) -> [UInt8] {
        do { return Array(try JSONEncoder().encode(value)) } catch { throw StorageError(error, path: self.path) }
    }
}
