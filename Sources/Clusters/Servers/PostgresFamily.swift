import Foundation
import NIOConcurrencyHelpers
import Terminal

/// A primary of PostgreSQL and two standbys, of which one has to confirm each commit.
///
/// Its calls block.
package final class PostgresFamily: Sendable {
    private static let names = ["a", "b", "c"]
    private static let settings = [
        // Each of them may become the primary. Nobody is its own standby.
        "synchronous_standby_names = 'ANY 1 (\(names.joined(separator: ", ")))'",
        // How soon a standby asks who the new primary is.
        "wal_retrieve_retry_interval = 250ms", "wal_keep_size = 64MB",
    ]

    private let folder: String
    /// The servers that are left, by name.
    private let servers = NIOLockedValueBox<[String: PostgresServer]>([:])
    private let primary = NIOLockedValueBox(names[0])
    private let isStopping = NIOLockedValueBox(false)

    /// - Parameter folder: A path that is short enough for sockets below it. The caller removes it.
    package init(folder: String) { self.folder = folder }

    private static func folder(_ name: String, in folder: String) -> String { "\(folder)/\(name)" }
    private var folders: [String] { Self.names.map { Self.folder($0, in: self.folder) } }

    /// The connection string, which names all three: the one that accepts writes is found.
    package var target: String { PostgresServer.target(self.folders) + " dbname=postgres" }

    /// Makes and starts the servers, and waits until a standby can confirm.
    package func start() throws {
        try PostgresPrograms.makeFolder(self.folder)
        let primary = try self.add(Self.names[0]) { try PostgresServer(folder: $0, settings: Self.settings) }
        for name in Self.names.dropFirst() {
            _ = try self.add(name) { [folders] in
                try PostgresServer(folder: $0, standbyOf: folders, name: name, settings: Self.settings)
            }
        }
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'"
        for _ in 0..<600 where !self.isStopping.withLockedValue({ $0 }) {
            if try primary.scalar(sql) == "2" { return }
            usleep(50_000)
        }
        throw CommandError("the standbys do not follow their primary: see the files named log below \(self.folder)")
    }

    /// One of the servers `a`, `b` and `c`; `nil` if it is lost.
    package func server(_ name: String) -> PostgresServer? { self.servers.withLockedValue { $0[name] } }

    private func add(_ name: String, _ make: (String) throws -> PostgresServer) throws -> PostgresServer {
        guard !self.isStopping.withLockedValue({ $0 }) else { throw CommandError("PostgreSQL is stopping") }
        let server = try make(Self.folder(name, in: self.folder))
        self.servers.withLockedValue { $0[name] = server }
        return server
    }

    /// Loses the primary and its disk.
    ///
    /// - Returns: Its name.
    package func losePrimary() throws -> String {
        let name = self.primary.withLockedValue { $0 }
        try self.servers.withLockedValue { $0.removeValue(forKey: name) }?.destroy()
        return name
    }

    /// Promotes the standby that has received most, as whoever operates PostgreSQL must: one of both has all that was
    /// confirmed. The other one follows it.
    ///
    /// - Returns: The name of the new primary.
    package func promote() throws -> String {
        let left = self.servers.withLockedValue { $0 }
        var best: (name: String, server: PostgresServer, received: Int)?
        for (name, server) in left.sorted(by: { $0.key < $1.key }) {
            let text = try server.scalar("SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint")
            guard let received = Int(text) else { throw CommandError("the standby \(name) does not answer: \(text)") }
            if received > best?.received ?? -1 { best = (name, server, received) }
        }
        guard let best else { throw CommandError("no standby is left") }
        try best.server.promote()
        self.primary.withLockedValue { $0 = best.name }
        return best.name
    }

    package func stop() {
        self.isStopping.withLockedValue { $0 = true }
        let servers = self.servers.withLockedValue { servers in
            defer { servers = [:] }
            return servers
        }
        for server in servers.values { server.crash() }
    }
}
