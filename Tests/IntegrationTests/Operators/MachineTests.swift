import CurlClient
import DaemonSupport
import Foundation
import Sockets
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Faults of processes and computers, on real ones.
@Suite("Machines", .serialized, .timeLimit(.minutes(3))) struct MachineTests {
    @Test("children end with their parent, even if it is killed") func childrenEndWithTheirParent() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        let programs = ["tranche-unit", "tranche-config-center", "tranche-coordinator", "redis-server"]
        for program in programs { #expect(cluster.count(program) > 0, "\(program) runs") }
        cluster.killParent()
        try await cluster.wait(for: "the end of every child") { programs.allSatisfy { cluster.count($0) == 0 } }
    }

    @Test("a stopping unit answers every accepted request, and does not wait for its long poll")
    func stoppedUnitAnswersAcceptedRequests() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        #expect(try await cluster.buySurely(cluster.units[0], buyer: "anna"))
        let start = ContinuousClock.now
        cluster.signal("tranche-unit", "units/us-east/unit.yaml", SIGTERM)
        try await cluster.wait(for: "the unit's end") { cluster.count("tranche-unit") == 2 }
        // A long poll is 25 s: this is no measure of speed.
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("a center whose file is gone ends, and writes no more records into it")
    func centerWithoutItsFileEnds() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        try FileManager.default.moveItem(atPath: cluster.folder + "/center", toPath: cluster.folder + "/gone")
        try await cluster.wait(for: "the center's end") { cluster.count("tranche-config-center") == 0 }
        let log = try String(contentsOfFile: cluster.folder + "/gone/log", encoding: .utf8)
        #expect(log.contains("was deleted or replaced"))
    }

    @Test("a unit whose ledger is gone ends, and acknowledges nothing into it")
    func unitWithoutItsLedgerEnds() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let ledger = "\(cluster.folder)/units/\(unit.name)/ledger.sqlite"
        for end in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: ledger + end) }
        let answer = try? await cluster.buy(unit, token: cluster.token(buyer: "anna", unit: unit.id.rawValue))
        #expect(answer?.status != 201)
        try await cluster.wait(for: "the unit's end") { cluster.count("tranche-unit") == 2 }
        let log = try String(contentsOfFile: "\(cluster.folder)/units/\(unit.name)/log", encoding: .utf8)
        #expect(log.contains("was deleted or replaced"))
    }

    @Test("a copy of a ledger that is started elsewhere waits, and the living unit goes on")
    func copiedLedgerWaitsForLivingUnit() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let folder = try TemporaryFolder.make()
        try LedgerCopy.make(of: "\(cluster.folder)/units/\(unit.name)/ledger.sqlite", at: folder + "/ledger.sqlite")
        #expect(try await cluster.buySurely(unit, buyer: "anna"))
        let redis = try PrivateRedis()
        defer { redis.kill() }
        var file = try String(contentsOfFile: "\(cluster.folder)/units/\(unit.name)/unit.yaml", encoding: .utf8)
        for (section, key, value) in [
            ("data", "folder", folder), ("redis", "address", redis.socket),
            ("public", "port", "\(try FreePorts.take())"),
            ("internal", "port", "\(try FreePorts.take())"),
        ] { file = Self.set(section, key, value, in: file) }
        try Data(file.utf8).write(to: URL(fileURLWithPath: folder + "/unit.yaml"))
        let copy = try ChildProcess(
            TestCluster.program("tranche-unit").path, ["--config", folder + "/unit.yaml"],
            environment: ProcessInfo.processInfo.environment.merging(cluster.environment(of: unit)) { $1 },
            log: folder + "/log")
        defer { copy.crash() }
        for number in 0..<40 {
            if number % 8 == 0 { #expect(try await cluster.buySurely(unit, buyer: "buyer \(number)")) }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(copy.isRunning, "it waits: \((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "")")
        let accounts = try await cluster.quota().lots[0].units.filter { $0.unit == unit.id }
        #expect(accounts.map(\.standing) == ["active"] && accounts[0].generation == Generation(1))
    }

    @Test("a ledger that was set back sells nothing of what it held: that is stranded, and a new generation begins")
    func restoredLedgerStrandsItsQuota() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let ledger = "\(cluster.folder)/units/\(unit.name)/ledger.sqlite"
        #expect(try await cluster.buySurely(unit, buyer: "anna"))
        let copy = try TemporaryFolder.make() + "/ledger.sqlite"
        try LedgerCopy.make(of: ledger, at: copy)
        #expect(try await cluster.buySurely(unit, buyer: "ben"))
        try await cluster.wait(for: "the center's witness of both orders") {
            try await cluster.quota().lots[0].units.first { $0.unit == unit.id }?.live == 2
        }
        cluster.signal("tranche-unit", "units/\(unit.name)/unit.yaml", SIGKILL)
        try await cluster.wait(for: "the unit's end") { cluster.count("tranche-unit") == 2 }
        for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: ledger + end) }
        try FileManager.default.moveItem(atPath: copy, toPath: ledger)
        try await cluster.restartUnit(unit)
        let accounts = try await cluster.quota().lots[0].units.filter { $0.unit == unit.id }
        #expect(accounts.first { $0.generation == Generation(1) }?.standing.hasPrefix("stranded") == true)
        #expect(try await cluster.quota().lots[0].stranded == 10)
        let ready = try await cluster.call(
            "GET", cluster.center + "/v1/units", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        let documents = try JSON.decode([UnitDocument].self, from: ready.body)
        #expect(documents.first { $0.id == unit.id }?.generation == Generation(2))
        #expect(try await cluster.buySurely(cluster.units[1], buyer: "carl"), "the others sell on")
    }

    /// Replaces one value of a two-level YAML file.
    private static func set(_ section: String, _ key: String, _ value: String, in file: String) -> String {
        var inside = false
        return file.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if !line.hasPrefix(" ") { inside = line == "\(section):" }
            return inside && line.hasPrefix("  \(key):") ? "  \(key): \(value)" : String(line)
        }.joined(separator: "\n")
    }

    @Test("a running unit whose clock is set back continues: it sells, and it reports at once")
    func unitSurvivesClockStep() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1, windowMilliseconds: 60_000)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        func step(to microseconds: Int) async throws {
            try Data("\(microseconds)".utf8).write(
                to: URL(fileURLWithPath: "\(cluster.folder)/units/\(unit.name)/clock-step"), options: .atomic)
            try await Task.sleep(for: .milliseconds(400))
        }
        try await step(to: 9_000_000)
        #expect(try await cluster.buySurely(unit, buyer: "anna"))
        try await step(to: 0)
        let start = ContinuousClock.now
        #expect(try await cluster.buySurely(unit, buyer: "ben"))
        try await cluster.wait(for: "a fresh report of the order") {
            let told = try await cluster.quota().lots[0].units.first { $0.unit == unit.id }
            return told?.live == 2 && (told?.silentMilliseconds ?? .max) < 1_000
        }
        // By its wall clock its next report would have been due 9 seconds later.
        #expect(ContinuousClock.now - start < .seconds(8))
    }

    @Test("a unit with a wrong secret is not ready, and names the secret")
    func wrongSecretIsNamed() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        await #expect(throws: TestFailure.self) {
            try await cluster.restartUnit(
                unit, secrets: ["TRANCHE_UNIT_SECRET": String(repeating: "w", count: 40)], seconds: 3)
        }
        let ready = try await cluster.call("GET", unit.internalURL + "/readyz", secret: nil, body: nil)
        #expect(ready.status == 503)
        #expect(String(decoding: ready.body, as: UTF8.self).contains("TRANCHE_UNIT_SECRET"))
    }
}
