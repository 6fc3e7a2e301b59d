import CurlClient
import DaemonSupport
import Foundation
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// `tranche up` with a folder in use, with invalid arguments, and with processes that crash; and a unit whose clock was
/// wrong.
@Suite("Slips at the start", .serialized, .timeLimit(.minutes(4))) struct FolderSlipTests {
    @Test("invalid names of regions, and clocks of unknown regions, are refused by name")
    func badRegionsAndClocksAreNamed() throws {
        let cases: [(arguments: [String], says: String)] = [
            (["--regions", "a/b,c"], "\"a/b\" is not a region's name"),
            (["--regions", "a,../x"], "\"../x\" is not a region's name"),
            (["--regions", "a,,b"], "\"\" is not a region's name"),
            (["--regions", "a,b,a"], "names a region twice"),
            (["--clock-offsets", "mars=5"], "there is no region \"mars\""),
            (["--clock-offsets", "us-east=soon"], "does not have the form REGION=MICROSECONDS"),
        ]
        for one in cases {
            let folder = try TemporaryFolder.make()
            let result = try TestCluster.run("tranche", ["up", "--data", folder] + one.arguments)
            #expect(result.status == 64 && result.output.contains(one.says), "\(one.arguments): \(result.output)")
        }
    }

    @Test("a folder has one `up` at a time, and keeps the regions that it was made with")
    func folderHasOneUpAtATime() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        let second = try cluster.run(["up"])
        #expect(second.status != 0 && second.output.contains("another `tranche up`"), "\(second.output)")
        #expect(try await cluster.buySurely(cluster.units[0], buyer: "anna"), "the first one sells on")
        cluster.stop()
        let other = try cluster.run(["up", "--regions", "us-east"])
        #expect(other.status != 0, "\(other.output)")
        #expect(other.output.contains("holds a cluster of the regions us-east,eu-west,ap-south"), "\(other.output)")
    }

    @Test("a process that dies by itself is named, and started again") func deadProcessIsNamedAndRestarted()
        async throws
    {
        let cluster = try await TestCluster.start(stock: 30, limit: 1, restarts: true)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        cluster.signal("tranche-unit", "units/\(unit.name)/unit.yaml", SIGKILL)
        try await cluster.wait(for: "word of it") {
            let said = try String(contentsOfFile: cluster.folder + "/up.log", encoding: .utf8)
            return said.contains("unit \(unit.name)") && said.contains("started again")
        }
        try await cluster.wait(for: "the unit") {
            (try? await cluster.call("GET", "\(unit.url)/readyz", secret: nil, body: nil))?.status == 200
        }
        #expect(try await cluster.buySurely(unit, buyer: "anna"))
    }

    @Test("a unit whose clock was wrong starts with --reset-clock, and sells with stamps of the right time")
    func resetClockRepairsWrongClock() async throws {
        let cluster = try await TestCluster.start(stock: 30, limit: 1)
        defer { cluster.stop() }
        let unit = cluster.units[0]
        let folder = "\(cluster.folder)/units/\(unit.name)"
        #expect(try await cluster.buySurely(unit, buyer: "anna"))
        cluster.signal("tranche-unit", "units/\(unit.name)/unit.yaml", SIGKILL)
        try await cluster.wait(for: "the unit's end") { cluster.count("tranche-unit") == 2 }
        try self.raiseCeiling(of: folder + "/ledger.sqlite", unit.id)
        let said = try cluster.output(of: "tranche-unit", folder + "/unit.yaml", cluster.environment(of: unit))
        #expect(said.contains("--reset-clock"), "\(said)")
        let process = try ChildProcess(
            TestCluster.program("tranche-unit").path, ["--config", folder + "/unit.yaml", "--reset-clock"],
            environment: ProcessInfo.processInfo.environment.merging(cluster.environment(of: unit)) { $1 },
            log: folder + "/log")
        defer { process.crash() }
        #expect(try await cluster.buySurely(unit, buyer: "ben"))
        process.send(SIGTERM)
        _ = process.wait()
        cluster.stop()
        let verified = try cluster.run(["verify"])
        #expect(verified.status == 0, "\(verified.output)")
    }

    /// As a clock that is an hour ahead would have done.
    private func raiseCeiling(of path: String, _ unit: UnitID) throws {
        let ledger = try UnitLedger(path: path, unit: unit, newID: LedgerID(1))
        let ahead = SystemClock.now().advanced(milliseconds: 3_600_000)
        try ledger.commit([.ceiling(Stamp(ahead))], as: try ledger.recover().incarnation)
    }
}
