import Clusters
import LoadGenerator
import Storage
import Terminal
import TrancheCore
import Verification

/// Kills a unit with SIGKILL during a run: every order that was answered 201 must be in the ledger.
struct DurabilityRun: Codable {
    let acknowledged: Int
    let lost: Int
    let isSound: Bool

    var line: String {
        "\(Output.number(self.acknowledged)) orders acknowledged until the kill, \(self.lost) lost; every invariant "
            + (self.isSound ? "holds" : "but not all hold")
    }

    static func run(seconds: Double) async throws -> DurabilityRun {
        let unit = MeasuredUnit()
        return try await Stopping.run({ await unit.stop() }) { try await self.run(unit, seconds: seconds) }
    }

    private static func run(_ unit: MeasuredUnit, seconds: Double) async throws -> DurabilityRun {
        try await unit.start()
        guard let cluster = unit.cluster, let folder = unit.folder else {
            throw CommandError("the unit did not start")
        }
        let tape = unit.buyTape(count: Int(seconds * 100_000))
        let drive = Drive(port: unit.port, connections: 256, seconds: seconds + 2)
        let requests = tape.tape
        let run = Task { try await drive.run(requests) }
        try await Task.sleep(for: .seconds(seconds))
        cluster.kill(.unit(MeasuredUnit.name))
        let acknowledged = try await run.value.created.map { tape.orders[$0] }
        // The verifier opens the ledger as the crash left it, like a start of the unit.
        await cluster.stop()
        let report = try Verifier(folder: folder.path, acknowledged: acknowledged).report()
        let audit = try LedgerAudit(path: folder.unit(MeasuredUnit.name) + "/ledger.sqlite")
        let ledger = Set(
            audit.commits.flatMap { $0.entries ?? [] }.compactMap { entry -> OrderID? in
                if case .reserved(let order) = entry { order.id } else { nil }
            })
        let lost = acknowledged.count { !ledger.contains($0) }
        if !report.isSound { report.print() }
        guard !acknowledged.isEmpty else { throw CommandError("nothing was acknowledged before the kill") }
        return DurabilityRun(acknowledged: acknowledged.count, lost: lost, isSound: report.isSound)
    }
}
