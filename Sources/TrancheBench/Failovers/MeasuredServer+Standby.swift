import Foundation
import Terminal

// How a server becomes a standby, and a primary.

extension MeasuredServer {
    /// Makes a standby. What the folder had before is dropped.
    ///
    /// - Parameter port: Of the primary, or of a link to it.
    func copy(from port: Int) throws {
        try? FileManager.default.removeItem(atPath: self.data)
        let arguments = ["-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", self.source(port)]
        try self.runTool("pg_basebackup", arguments)
    }

    private func source(_ port: Int) -> String {
        "host=127.0.0.1 port=\(port) user=\(Self.user) application_name=\(self.name)"
    }

    func promote() throws { try self.runTool("pg_ctl", ["promote", "-w", "-D", self.data]) }

    /// Lets a standby copy from another primary, or from none.
    func follow(_ port: Int?) throws {
        _ = try self.ask("ALTER SYSTEM SET primary_conninfo = '\(port.map { self.source($0) } ?? "")'")
        _ = try self.ask("SELECT pg_reload_conf()")
        guard port == nil else { return }
        for _ in 0..<1_000 {
            if try self.ask("SELECT count(*) FROM pg_stat_wal_receiver") == "0" { return }
            usleep(5_000)
        }
        throw CommandError("the standby \(self.name) does not stop to copy")
    }

    /// How far a standby's log goes, in bytes.
    func received() throws -> Int {
        let sql = "SELECT (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0')::bigint"
        let text = try self.ask(sql)
        guard let bytes = Int(text) else { throw CommandError("the standby \(self.name) says \"\(text)\"") }
        return bytes
    }

    /// Waits until so many standbys confirm the commits of this primary.
    func waitForStandbys(_ count: Int) throws {
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'"
        for _ in 0..<2_000 {
            if let found = Int(try self.ask(sql)), found >= count { return }
            usleep(10_000)
        }
        throw CommandError("\(count) standbys of \(self.name) do not follow")
    }
}
