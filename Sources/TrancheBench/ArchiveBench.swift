import ArgumentParser
import Clusters
import Foundation
import LoadGenerator
import Storage
import Terminal
import TrancheCore

/// A unit whose sales are settled but for one: what do the old orders cost at a restart, and what does idling cost?
struct ArchiveBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract:
            "Measure a unit with many archived orders: restart, memory, and the rows that it writes while it idles.",
        discussion:
            "The orders are written into the ledger of a stopped unit, and archived by the functions that a unit uses. Then "
            + "the unit is killed and started with an empty Redis.")
    @Option(help: "Orders of settled lots.") var archived = 10_000_000
    @Option(help: "Orders of a lot that is on sale.") var live = 100_000
    @Option(help: "Restarts.") var restarts = 3
    @Option(help: "Seconds without requests.") var idle = 20.0
    @Flag(help: "200,000 archived orders and 20,000 live ones: half a minute.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        guard self.archived >= 0, self.live >= 0, self.archived + self.live <= 50_000_000 else {
            throw ValidationError("\(self.archived) and \(self.live) orders: 0 to 50000000 in all are possible")
        }
        guard (1...20).contains(self.restarts), (1...600).contains(self.idle) else {
            throw ValidationError("1 to 20 restarts and 1 to 600 seconds are possible")
        }
    }

    func run() async throws {
        let plan = ArchivedSales(archived: self.quick ? 200_000 : self.archived, live: self.quick ? 20_000 : self.live)
        let result = try await ArchiveRun.run(plan, restarts: self.restarts, idleSeconds: self.idle) {
            if !self.json { Output.line($0) }
        }
        if self.json { return Output.json(result) }
        for target in result.targets { Output.line(target) }
    }
}

struct ArchiveRun: Codable {
    let archived: Int
    let live: Int
    let restarts: [Double]
    /// After each restart.
    let residentMegabytes: [Double]
    /// From the question to the answer, on a connection of its own.
    let archivedStatusMilliseconds: Double
    let idleSeconds: Double
    /// Rows that the journal has more than before, and positions that were used.
    let idleRows: Int
    let idlePositions: Int

    var targets: [String] {
        let (restart, resident) = (median(self.restarts), median(self.residentMegabytes))
        let rows = Double(self.idleRows) / self.idleSeconds
        func line(_ text: String, _ isMet: Bool) -> String { "\(text): \(isMet ? "met" : "missed")" }
        return [
            line(String(format: "restart to first sale %.2f s, at most 2", restart), restart <= 2),
            line(String(format: "resident memory %.0f MB, at most 150", resident), resident <= 150),
            line(
                String(
                    format: "an idle unit's rows %.2f a second net of overwrites (%.1f commits), at most 1", rows,
                    Double(self.idlePositions) / self.idleSeconds), rows <= 1),
            String(format: "the state of an archived order after %.1f ms", self.archivedStatusMilliseconds),
        ]
    }

    static func run(
        _ plan: ArchivedSales, restarts: Int, idleSeconds: Double, say: (String) -> Void
    ) async throws -> ArchiveRun {
        let unit = MeasuredUnit()
        return try await Stopping.run({ await unit.stop() }) {
            try await unit.start(settledLots: plan.lots)
            guard let cluster = unit.cluster, let folder = unit.folder else {
                throw CommandError("the unit is not running")
            }
            let path = folder.unit(MeasuredUnit.name) + "/ledger.sqlite"
            await cluster.stop(.unit(MeasuredUnit.name))
            let first = try plan.write(to: path, say: say)
            try cluster.start(.unit(MeasuredUnit.name))
            // The first start is not measured: the center has not seen the orders yet.
            _ = try await ScaleRun.restart(unit)
            var (times, memory): ([Double], [Double]) = ([], [])
            for _ in 0..<restarts {
                times.append(try await ScaleRun.restart(unit))
                memory.append(ScaleRun.megabytes(unit))
                say(String(format: "first sale after %.2f s, %.0f MB resident", times.last!, memory.last!))
            }
            let status = try await self.status(of: first, unit)
            let before = try LedgerFigures.journal(of: path)
            try await Task.sleep(for: .seconds(idleSeconds))
            let after = try LedgerFigures.journal(of: path)
            return ArchiveRun(
                archived: plan.archived, live: plan.live, restarts: times, residentMegabytes: memory,
                archivedStatusMilliseconds: status, idleSeconds: idleSeconds, idleRows: after.rows - before.rows,
                idlePositions: Int(after.position - before.position))
        }
    }

    private static func status(of order: OrderID, _ unit: MeasuredUnit) async throws -> Double {
        let tape = unit.buyTape(count: 1).statusTape([order])
        let result = try await Drive(port: unit.port, connections: 1, seconds: 5).run(tape)
        guard result.statuses[200] == 1 else {
            throw CommandError("the state of an archived order is not known: \(result.statuses)")
        }
        return result.p50Milliseconds
    }
}
