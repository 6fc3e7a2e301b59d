import ArgumentParser
import Foundation
import Simulation
import TrancheAPI
import TrancheCore
import Verification

struct FairnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness",
        abstract: "How fair the contests of a sale were, from its files alone; or, with --simulate, of every policy.",
        discussion: """
            From the ledgers and the authority log: who won, and who would have won by the stamps; requests that were late,
            or too close to the cut for clocks to tell; how long decisions took. Exit code 2 if I9 or I10 is broken.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "The lot's number; every contested lot if not given.") var lot: UInt32?
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

/// One row of the simulated table.
struct SimulatedFairness: Codable {
    let name: String
    let misallocationPercent: Double
    /// Mean over the seeds of the worst region's error.
    let shareErrorPoints: Double
    let holdMillisecondsP99: Double

    static var cases: [(String, FairnessWorkload.Settings)] {
        func made(_ change: (inout FairnessWorkload.Settings) -> Void) -> FairnessWorkload.Settings {
            var settings = FairnessWorkload.Settings()
            change(&settings)
            return settings
        }
        let stamps = [0, 1, 5, 25].map { milliseconds in
            ("stamp, clocks ±\(milliseconds) ms", made { $0.offsetMicroseconds = milliseconds * 1_000 })
        }
        return [("arrival", made { $0.policy = .arrival })] + stamps + [
            (
                "stamp, clocks ±25 ms, checked by round trips",
                made {
                    $0.offsetMicroseconds = 25_000
                    $0.checksClocks = true
                }
            ),
            ("rounds of 50 ms", made { $0.policy = .rounds(milliseconds: 50) }),
            ("band-lottery of ±1 ms", made { $0.policy = .bandLottery(microseconds: 1_000) }),
        ]
    }

    init(_ name: String, _ settings: FairnessWorkload.Settings, seeds: Int) {
        var (won, wrong, share): (Int, Int, Double) = (0, 0, 0)
        var holds: [Double] = []
        for seed in 0..<UInt64(seeds) {
            let result = FairnessWorkload.run(seed: seed, settings)
            won += result.won
            wrong += result.misallocated
            let worst = zip(result.wins, result.first).map { abs($0 - $1) }.max() ?? 0
            share += Double(worst) / Double(max(1, result.won)) * 100
            holds += result.holdMilliseconds
        }
        holds.sort()
        self.name = name
        self.misallocationPercent = Double(wrong) / Double(max(1, won)) * 100
        self.shareErrorPoints = share / Double(seeds)
        self.holdMillisecondsP99 = holds.isEmpty ? 0 : holds[holds.count * 99 / 100]
    }
}

/// `us-east=-1000,ap-south=1000`: microseconds by region.
enum ClockOffsets {
    /// What a unit takes as `clock.offset`.
    static let limitMicroseconds = 60_000_000

    static func parse(_ text: String?, regions: [String]) throws -> [String: Int] {
        var offsets: [String: Int] = [:]
        for part in (text ?? "").split(separator: ",", omittingEmptySubsequences: true) {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, let microseconds = Int(pair[1]) else {
                throw ValidationError("--clock-offsets: \"\(part)\" is not REGION=MICROSECONDS")
            }
            guard regions.contains(String(pair[0])) else {
                throw ValidationError(
                    "--clock-offsets: there is no region \"\(pair[0])\"; known: \(regions.joined(separator: ", "))")
            }
            guard (-self.limitMicroseconds...self.limitMicroseconds).contains(microseconds) else {
                throw ValidationError(
                    "--clock-offsets: \(microseconds) is not in -\(self.limitMicroseconds)...\(self.limitMicroseconds)")
            }
            offsets[String(pair[0])] = microseconds
        }
        return offsets
    }
}

extension FairnessReport {
    func print() {
        Output.line(Output.bold("lot \(self.lot)") + ", policy \(self.policy)")
        Output.line(
            "  \(Output.number(self.passed)) contested, \(Output.number(self.won)) won what was left at the switch")
        let share = String(format: "%.2f", self.misallocationPercent)
        Output.line(
            "  \(self.misallocated) winners (\(share) %) that first come by the stamps would not have picked; worst share error "
                + String(format: "%.2f points", self.shareErrorPoints))
        Output.line(
            "  \(self.uncertainBand) requests too close to the cut for clocks to tell; \(self.late) late; out of sequence "
                + String(format: "%.2f %%", self.outOfSequence * 100))
        Output.line(
            String(
                format: "  hold p50 %.0f ms, p99 %.0f ms; decision known at the unit p50 %.0f ms, p99 %.0f ms",
                self.holdMillisecondsP50, self.holdMillisecondsP99, self.decisionMillisecondsP50,
                self.decisionMillisecondsP99))
        let rows = self.regions.map { region in
            [
                region.name, Output.number(region.contested), Output.number(region.first), Output.number(region.won),
                Output.number(region.late), Output.number(region.notWaitedFor),
            ]
        }
        for line in Output.table(
            ["region", "contested", "first by stamp", "won", "late", "decisions without it"], rows)
        { Output.line("  " + line) }
    }
}
