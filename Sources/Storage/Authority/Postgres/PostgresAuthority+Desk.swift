import Foundation
import PostgresClient
package import TrancheCore

// Configuration, secrets and acts.

extension PostgresAuthority {
    package func append(secret: String, sale: String, as epoch: Epoch) throws(StorageError) {
        try self.write(
            [PostgresStatement("INSERT INTO authority.secrets VALUES ($1, $2)", [.text(sale), .text(secret)])],
            as: epoch)
    }

    package func secret(sale: String, where isPublished: (String) -> Bool) throws(StorageError) -> String? {
        let secrets = try self.desk.run { (connection) throws(PostgresError) -> [String] in
            let rows = try connection.run(
                PostgresStatement("SELECT secret FROM authority.secrets WHERE sale = $1", [.text(sale)]))
            return (0..<rows.count).compactMap { rows.text($0, 0) }
        }
        return secrets.first(where: isPublished)
    }

    package func append(
        _ version: AuthorityStore.ConfigVersion, act: OperatorAct?, note: AuditNote, as epoch: Epoch
    ) throws(StorageError) {
        let insert = PostgresStatement(
            "INSERT INTO authority.configs VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .integer(Int64(version.version)), .text(version.checksum), .bytes(Array(version.content)),
                .integer(version.at.microseconds), .text(version.actor), .text(version.note),
            ])
        let acts = act.map { [$0] } ?? []
        let trail = (acts.compactMap(\.approval?.note) + [note]).map(AuthorityTrail.statement)
        try self.write(trail + (try self.statements(acts)) + [insert], as: epoch)
    }

    package func configVersions(limit: Int) throws(StorageError) -> [AuthorityStore.ConfigVersion] {
        try self.configs("ORDER BY version DESC LIMIT $1", Int64(limit))
    }

    package func config(version: Int) throws(StorageError) -> AuthorityStore.ConfigVersion? {
        try self.configs("WHERE version = $1", Int64(version)).first
    }

    private func configs(_ which: String, _ number: Int64) throws(StorageError) -> [AuthorityStore.ConfigVersion] {
        try self.desk.run { (connection) throws(PostgresError) in
            let rows = try connection.run(
                PostgresStatement(
                    "SELECT version, checksum, content, at, actor, note FROM authority.configs \(which)",
                    [.integer(number)]))
            var versions: [AuthorityStore.ConfigVersion] = []
            for row in 0..<rows.count {
                guard let version = rows.integer(row, 0), let checksum = rows.text(row, 1),
                    let content = rows.bytes(row, 2), let at = rows.integer(row, 3), let actor = rows.text(row, 4),
                    let note = rows.text(row, 5)
                else { throw .unreadable("a version of the configuration cannot be read") }
                versions.append(
                    .init(
                        version: Int(version), checksum: checksum, content: Data(content),
                        at: Instant(microseconds: at), actor: actor, note: note))
            }
            return versions
        }
    }

    /// On the connection of decisions: the thread that decides asks, and the desk may be busy with a snapshot.
    package func act(_ key: String) throws(StorageError) -> OperatorAct? {
        try self.decisions.run { (connection) throws(PostgresError) in
            let rows = try connection.run(
                PostgresStatement("SELECT what FROM authority.acts WHERE key = $1", [.text(key)]))
            return rows.count == 0 ? nil : rows.text(0, 0).map { OperatorAct(key: key, what: $0) }
        }
    }
}
