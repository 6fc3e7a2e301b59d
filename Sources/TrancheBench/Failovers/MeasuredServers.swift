import DaemonSupport
import Foundation
import Sockets
import Terminal

/// A primary of PostgreSQL with two standbys of which one has to confirm, and what an operator does with them.
final class MeasuredServers {
    private static let settings = [
        // Each of them may become the primary. Nobody is its own standby.
        "synchronous_standby_names=ANY 1 (a, b, c)", "wal_keep_size=64MB",
    ]
    private let folder: String
    let servers: [MeasuredServer]
    private(set) var primary: Int

    init() throws {
        let folder = try PrivateFolder.make("tranche-failovers")
        // The servers' user must get through.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: folder)
        let ports = try FreePorts.take(3)
        self.servers = try zip(["a", "b", "c"], ports).map { name, port in
            try MeasuredServer(name, folder: "\(folder)/\(name)", port: port, settings: Self.settings)
        }
        (self.folder, self.primary) = (folder, 0)
    }

    var leading: MeasuredServer { self.servers[self.primary] }
    private var standbys: [Int] { self.servers.indices.filter { $0 != self.primary } }

    func start() throws {
        try self.leading.make()
        try self.leading.start()
        for standby in self.standbys { try self.rejoin(standby) }
        try self.leading.waitForStandbys(2)
    }

    private func rejoin(_ standby: Int) throws {
        try self.servers[standby].copy(from: self.leading.port)
        try self.servers[standby].start()
    }

    func stop() {
        for server in self.servers { server.kill() }
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Replaces the primary, as whoever operates PostgreSQL must: both standbys stop to confirm for the old one, the one
    /// that has more is promoted, and the other one follows it.
    ///
    /// - Parameter livesOn: The old primary is killed only when the new one is there. Otherwise it is killed first.
    /// - Returns: The number of the old primary, which does not run any more.
    func failOver(livesOn: Bool) throws -> Int {
        let (old, standbys) = (self.primary, self.standbys)
        if !livesOn { self.servers[old].kill() }
        for standby in standbys { try self.servers[standby].follow(nil) }
        let received = try standbys.map { try self.servers[$0].received() }
        let (best, other) = received[0] > received[1] ? (standbys[0], standbys[1]) : (standbys[1], standbys[0])
        try self.servers[best].promote()
        try self.servers[other].follow(self.servers[best].port)
        self.servers[old].kill()
        self.primary = best
        return old
    }

    /// Makes a new standby of a server that was killed.
    func takeBack(_ old: Int) throws {
        try self.rejoin(old)
        try self.leading.waitForStandbys(2)
    }
}
