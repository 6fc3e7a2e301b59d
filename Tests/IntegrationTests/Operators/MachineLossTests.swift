import Clusters
import DaemonSupport
import Foundation
import PostgresClient
import TestSupport
import Testing

/// The private servers that stand for the machines of a large installation.
@Suite("Lost machines", .serialized, .timeLimit(.minutes(10))) struct MachineLossTests {
    private static func connect(_ family: PostgresFamily) throws -> PostgresConnection {
        let connection = try PostgresConnection(try PostgresTarget(family.target), application: "test")
        try connection.checkDurability(allowsUnreplicated: false, permission: "none")
        return connection
    }

    private static func count(_ family: PostgresFamily) throws -> Int64? {
        try self.connect(family).run(PostgresStatement("SELECT count(*) FROM things")).integer(0, 0)
    }

    @Test("a primary and its disk are lost: the standby with all that was confirmed is promoted, the other follows")
    func completeStandbyIsPromoted() throws {
        let family = PostgresFamily(folder: try TemporaryFolder.make())
        defer { family.stop() }
        try family.start()
        try Self.connect(family).run(script: "CREATE TABLE things (number int)")
        // Standby b, which comes first in the list, misses what c confirms.
        let behind = try #require(family.server("b"))
        behind.crash()
        for number in 0..<20 { try Self.connect(family).run(script: "INSERT INTO things VALUES (\(number))") }
        #expect(try family.losePrimary() == "a")
        #expect(family.server("a") == nil)
        try behind.start()
        #expect(try family.promote() == "c")
        #expect(try Self.count(family) == 20)
        // The next commit needs b.
        try Self.connect(family).run(script: "INSERT INTO things VALUES (20)")
        #expect(try behind.scalar("SELECT pg_is_in_recovery()") == "t")
        try RedisTool.wait(for: "b's copy") {
            let sql = "SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'"
            return try behind.scalar(sql).contains("target_session_attrs=primary")
                && behind.scalar("SELECT received_tli FROM pg_stat_wal_receiver") == "2"
        }
    }

    @Test("an interrupted demo leaves neither processes nor files", arguments: ["starting two centers", "warm:"])
    func interruptedDemoLeavesNothing(moment: String) async throws {
        let (temporary, log) = (try TemporaryFolder.make(), try TemporaryFolder.make() + "/log")
        // Root's servers run as another user, who must be able to pass.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: temporary)
        let environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": temporary]) { $1 }
        let demo = try ChildProcess(
            TestCluster.program("tranche").path,
            ["demo", "--machines", "--stock", "300", "--buyers", "400", "--seconds", "30"], environment: environment,
            log: log)
        defer { demo.crash() }
        try await eventually("a demo that says \(moment)", seconds: 240) {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            guard demo.isRunning else { throw TestFailure("the demo ended: \(said)") }
            return said.contains(moment)
        }
        #expect(Processes.running("postgres", with: temporary).count == 15)
        #expect(Processes.running("redis-server", with: temporary).count == 24)
        demo.send(SIGTERM)
        // To remove 10,000 files takes a while on a busy disk.
        #expect(Processes.end(of: demo, seconds: 150) == 130)
        for program in ["postgres", "redis-server", "tranche-unit", "tranche-config-center", "tranche-coordinator"] {
            #expect(Processes.running(program, with: temporary).isEmpty, "\(program) runs on")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: temporary)
        #expect(left.filter { $0.hasPrefix("tranche-demo") } == [])
    }
}
