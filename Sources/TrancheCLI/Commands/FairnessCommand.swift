import ArgumentParser
import Clusters
import Foundation
import Simulation
import Terminal
import TrancheAPI
import TrancheCore
import Verification

struct FairnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness",
        abstract: "Measure how fair a sale's contests were, from its files alone; --simulate compares all policies.",
        discussion: """
            Reads the ledgers and the authority log, and prints the winners and the winners by stamp; late requests,
            and requests closer to the cut than the clocks' errors; and the time of decisions. Exit code 2 if I9 or I10
            is broken.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "The lot's number; all contested lots if not given.") var lot: UInt32?
    @Option(help: "Known errors of units' clocks, in microseconds, as us-east=-1000,ap-south=1000.")
    var clockOffsets: String?
    @Flag(help: "Simulate three regions of 2,000 requests/s instead, with every policy and several clock errors.")
    var simulate = false
    @Option(help: "Seeds of the simulation.") var seeds = 100

    func run() async throws {
        if self.simulate { return try self.runSimulation() }
        let verifier = try Verifier(folder: self.common.folder.path)
        let lots = self.lot.map { [LotID($0)] } ?? verifier.contestedLots
        let offsets = try ClockOffsets.parse(self.clockOffsets, regions: verifier.unitNames).mapValues { Int64($0) }
        let reports = lots.compactMap { verifier.fairness($0, offsets: offsets) }
        guard !reports.isEmpty else { throw CommandError("no lot of this sale was contested") }
        if self.common.json { Output.json(reports) } else { for report in reports { report.print() } }
        let broken = verifier.report().checks.filter { ["I9", "I10"].contains($0.invariant) && $0.verdict == .broken }
        if !broken.isEmpty { throw ExitCode(2) }
    }

    private func runSimulation() throws {
        guard (1...100_000).contains(self.seeds) else {
            throw ValidationError("--seeds \(self.seeds) is not in 1...100000")
        }
        var rows: [SimulatedFairness] = []
        for (name, settings) in SimulatedFairness.cases {
            rows.append(SimulatedFairness(name, settings, seeds: self.seeds))
            if !self.common.json { Output.line(Output.dim("\(name) …")) }
        }
        if self.common.json { return Output.json(rows) }
        Output.line(
            "\nThree regions of 2,000 requests/s, 5/40/90 ms one-way from the coordinator, 300 items, \(self.seeds) seeds:"
        )
        let lines = rows.map { row in
            [
                row.name, String(format: "%.2f %%", row.misallocationPercent),
                String(format: "%.2f points", row.shareErrorPoints), String(format: "%.0f ms", row.holdMillisecondsP99),
            ]
        }
        for line in Output.table(["order", "wrong winners", "worst share error", "hold p99"], lines) {
            Output.line("  " + line)
        }
    }
}
