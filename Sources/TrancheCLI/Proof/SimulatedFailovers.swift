import ArgumentParser
import Foundation
import NIOConcurrencyHelpers
import Simulation
import Terminal

/// `tranche simulate --failovers N`: worlds of one ledger on a replicated server, until there were so many promotions.
struct SimulatedFailovers {
    static let limit = 1_000_000_000
    let failovers: Int
    let firstSeed: UInt64
    let jobs: Int
    let plant: FailoverPlant?
    let trace: Bool
    let json: Bool

    struct Summary: Codable {
        var failovers = 0
        var worlds = 0
        var steps = 0
        var confirmed = 0
        var inDoubt = 0
        var seconds = 0.0
        var broken: [String: String] = [:]
        var marks: [String: Int] = [:]
        var missing: [String] = []
        var isGood: Bool { self.broken.isEmpty && self.missing.isEmpty }
    }

    init(failovers: Int, firstSeed: UInt64, jobs: Int, plant: String?, trace: Bool, json: Bool) throws {
        guard (1...Self.limit).contains(failovers) else {
            throw ValidationError("--failovers \(failovers) is not in 1...\(Self.limit)")
        }
        (self.failovers, self.firstSeed, self.jobs) = (failovers, firstSeed, jobs)
        (self.trace, self.json) = (trace, json)
        self.plant = try plant.map { name in
            guard let plant = FailoverPlant(rawValue: name) else {
                throw ValidationError("--plant \"\(name)\" is no mistake of --failovers")
            }
            return plant
        }
    }

    func run() async throws {
        let started = ContinuousClock.now
        var summary = await self.summary()
        let took = ContinuousClock.now - started
        summary.seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        if self.plant == nil, summary.failovers >= FailoverCoverage.failoversNeeded {
            summary.missing = FailoverCoverage.missing(in: summary.marks.keys)
        }
        if self.json { Output.json(summary) } else { self.print(summary) }
        if !summary.isGood { throw ExitCode(2) }
    }

    private func summary() async -> Summary {
        let shared = NIOLockedValueBox((summary: Summary(), seed: self.firstSeed))
        let progress = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(5))
                let (now, broken) = shared.withLockedValue { ($0.summary.failovers, $0.summary.broken.count) }
                let line = "\(Output.number(now)) of \(Output.number(self.failovers)) failovers, \(broken) broken\n"
                FileHandle.standardError.write(Data(line.utf8))
            }
        }
        await withDiscardingTaskGroup { group in
            for _ in 0..<self.jobs {
                group.addTask {
                    while let seed = self.nextSeed(shared) {
                        await Task.yield()  // Lets the task that prints the progress run.
                        let trace: ((String) -> Void)? = self.trace ? { Output.line("seed \(seed), \($0)") } : nil
                        let result = FailoverWorld.run(seed: seed, plant: self.plant, trace: trace)
                        shared.withLockedValue { Self.add(result, of: seed, to: &$0.summary) }
                    }
                }
            }
        }
        progress.cancel()
        return shared.withLockedValue { $0.summary }
    }

    private func nextSeed(_ shared: NIOLockedValueBox<(summary: Summary, seed: UInt64)>) -> UInt64? {
        shared.withLockedValue { shared in
            guard shared.summary.failovers < self.failovers else { return nil }
            shared.seed += 1
            return shared.seed - 1
        }
    }

    private static func add(_ result: FailoverWorld.Result, of seed: UInt64, to summary: inout Summary) {
        summary.worlds += 1
        summary.failovers += result.failovers
        summary.steps += result.steps
        summary.confirmed += result.confirmed
        summary.inDoubt += result.inDoubt
        for mark in result.marks { summary.marks[mark, default: 0] += 1 }
        summary.broken["\(seed)"] = result.finding
    }

    private func print(_ summary: Summary) {
        let broken = summary.broken.sorted { UInt64($0.key)! < UInt64($1.key)! }
        for (seed, finding) in broken.prefix(20) {
            Output.line(Output.red("seed \(seed): \(finding)"))
            let plant = self.plant.map { " --plant \($0)" } ?? ""
            Output.line("  repeat with: tranche simulate --failovers 1 --seeds \(seed) --jobs 1 --trace\(plant)")
        }
        if broken.count > 20 { Output.line("and \(broken.count - 20) more worlds") }
        for (mark, count) in summary.marks.sorted(by: { $0.key < $1.key }) {
            Output.line(Output.dim("  \(mark): in \(Output.number(count)) worlds"))
        }
        for mark in summary.missing { Output.line(Output.red("  never reached: \(mark)")) }
        Output.line(
            "\(Output.number(summary.confirmed)) commits confirmed, \(Output.number(summary.inDoubt)) in doubt")
        let verdict =
            broken.isEmpty
            ? Output.green("none lost, no answer twice differently, one writer")
            : Output.red("\(broken.count) worlds broke a promise")
        Output.line(
            "\(Output.number(summary.failovers)) failovers in \(Output.number(summary.worlds)) worlds, "
                + "\(String(format: "%.1f", summary.seconds)) s, "
                + "\(Output.number(Int(Double(summary.failovers) / max(summary.seconds, 0.001)))) a second: \(verdict)")
    }
}
