import ArgumentParser
import Foundation
import NIOConcurrencyHelpers
import Simulation
import Terminal
import TrancheAPI

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run the product's rules in seeded worlds with many faults, and check every invariant.",
        discussion: """
            Center, coordinators, 2 to 8 units with their Redis and ledgers, buyers and a payment provider, in one
            thread and in virtual time. The seed draws the size of the world and its faults: lost, repeated, late and
            clogged messages, one-way partitions, crashes, pauses, disks that refuse writes or are full, ledgers set
            back to a copy, Redis emptied or set back, clocks that step, drift and stop. Then the faults stop, and all
            open work must end. The same seed, commit and toolchain give the same world.

            With --shop, orders have a price, units ask the provider before they sell an unpaid item again, and have it give
            money back; it is away, slow, unsure or behind, and buyers pay twice, in parts, too much, too late and in another
            currency. A relay in each unit tells a shop that refuses, is slow or away. At the end nobody has paid without item
            or refund, to the minor unit, and the shop has heard every fact.

            With --failovers, the worlds are those of one ledger on a replicated server instead: standbys that are
            promoted, commits in doubt, and processes that take it over; as many seeds as it takes.

            Exit code 2 if an invariant is broken, or if \(Coverage.worldsNeeded) worlds or more never reached one of
            the required rare states.
            """)
    static let seedLimit = UInt64(1) << 53

    @Option(help: "Seeds, as A..B or one number.") var seeds = "0..99"
    @Option(help: "Worlds that run in parallel.") var jobs = 2
    @Flag(help: "Add a unit to the sale of each world while it runs.") var grow = false
    @Flag(help: "Give each world prices, a payment provider that is asked, and a shop that is told.") var shop = false
    @Option(
        help: """
            Plant a mistake: \(Plant.allCases.map(\.rawValue).joined(separator: ", ")) (it brings the world that it needs); \
            with --failovers: \(FailoverPlant.allCases.map(\.rawValue).joined(separator: ", ")).
            """) var plant: String?
    @Option(help: "Failovers of a replicated ledger, from the first seed on.") var failovers: Int?
    @Flag(help: "Print the events of each world.") var trace = false
    @Flag(help: "Print the fingerprint of each world, to compare two runs.") var digests = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    struct Summary: Codable {
        var worlds = 0
        var steps = 0
        var seconds = 0.0
        var broken: [String: [String]] = [:]
        var marks: [String: Int] = [:]
        var missing: [String] = []
        var digests: [String: String] = [:]
        var isGood: Bool { self.broken.isEmpty && self.missing.isEmpty }
    }

    func run() async throws {
        guard !(self.trace && self.json) else {
            throw ValidationError("--trace and --json cannot be combined")
        }
        let parts = self.seeds.components(separatedBy: "..")
        let bounds = parts.compactMap { UInt64($0) }
        guard bounds.count == parts.count, bounds.count <= 2, let first = bounds.first, let last = bounds.last,
            first <= last, last <= Self.seedLimit
        else { throw ValidationError("--seeds \"\(self.seeds)\" is not A..B, with A <= B <= \(Self.seedLimit)") }
        guard (1...64).contains(self.jobs) else { throw ValidationError("--jobs \(self.jobs) is not in 1...64") }
        if let failovers {
            guard !self.grow, !self.shop else {
                throw ValidationError("--failovers cannot be combined with --grow or --shop")
            }
            return try await SimulatedFailovers(
                failovers: failovers, firstSeed: first, jobs: self.jobs, plant: self.plant, trace: self.trace,
                json: self.json
            ).run()
        }
        let plant = try self.plant.map { name in
            guard let plant = Plant(rawValue: name) else { throw ValidationError("--plant \"\(name)\" is unknown") }
            return plant
        }
        let started = ContinuousClock.now
        var result = await self.summary(first...last, plant: plant)
        let took = ContinuousClock.now - started
        result.seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        if plant == nil, result.worlds >= Coverage.worldsNeeded {
            result.missing = Coverage.missing(in: result.marks.keys, grows: self.grow, trades: self.shop)
        }
        if self.json { Output.json(result) } else { self.print(result) }
        if !result.isGood { throw ExitCode(2) }
    }

    private func summary(_ seeds: ClosedRange<UInt64>, plant: Plant?) async -> Summary {
        let summary = NIOLockedValueBox(Summary())
        let next = NIOLockedValueBox(seeds.lowerBound)
        let (trace, digests, grow, shop) = (self.trace, self.digests, self.grow, self.shop)
        let progress = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(5))
                let now = summary.withLockedValue { ($0.worlds, $0.broken.count) }
                FileHandle.standardError.write(
                    Data("\(Output.number(now.0)) of \(Output.number(seeds.count)) worlds, \(now.1) broken\n".utf8))
            }
        }
        await withDiscardingTaskGroup { group in
            for _ in 0..<self.jobs {
                group.addTask {
                    while true {
                        let seed = next.withLockedValue { next in
                            next += 1
                            return next - 1
                        }
                        guard seeds.contains(seed) else { return }
                        await Task.yield()  // Lets the task that prints the progress run.
                        let world = World(seed: seed, plant: plant, grows: grow, trades: shop)
                        if trace { world.trace = { Output.line("seed \(seed), \($0)") } }
                        let violations = world.run()
                        summary.withLockedValue { summary in
                            summary.worlds += 1
                            summary.steps += world.steps
                            summary.marks.merge(world.marks, uniquingKeysWith: +)
                            if digests { summary.digests["\(seed)"] = String(world.fingerprint, radix: 16) }
                            if !violations.isEmpty { summary.broken["\(seed)"] = violations.map(\.description) }
                        }
                        // At once: a long run would tell the seed only at its end.
                        if plant == nil, !violations.isEmpty {
                            let first = "seed \(seed): \(violations[0].description)\n"
                            FileHandle.standardError.write(Data(first.utf8))
                        }
                    }
                }
            }
        }
        progress.cancel()
        return summary.withLockedValue { $0 }
    }

    private func print(_ result: Summary) {
        for (seed, digest) in result.digests.sorted(by: { UInt64($0.key)! < UInt64($1.key)! }) {
            Output.line("seed \(seed): \(digest)")
        }
        for (seed, violations) in result.broken.sorted(by: { UInt64($0.key)! < UInt64($1.key)! }).prefix(20) {
            Output.line(Output.red("seed \(seed): \(violations.joined(separator: "; "))"))
            Output.line(
                "  repeat with: tranche simulate --seeds \(seed)..\(seed) --trace\(self.grow ? " --grow" : "")"
                    + (self.shop ? " --shop" : "")
                    + (self.plant.map { " --plant \($0)" } ?? "")
            )
        }
        for (mark, count) in result.marks.sorted(by: { $0.key < $1.key }) {
            Output.line(Output.dim("  \(mark): \(Output.number(count))"))
        }
        if result.broken.count > 20 { Output.line("and \(result.broken.count - 20) more worlds") }
        let required = Coverage.required(grows: self.grow, trades: self.shop)
        let missing = Coverage.missing(in: result.marks.keys, grows: self.grow, trades: self.shop)
        Output.line("\(required.count - missing.count) of \(required.count) rare states reached")
        for mark in result.missing { Output.line(Output.red("  never reached: \(mark)")) }
        let verdict =
            result.broken.isEmpty
            ? Output.green("every invariant held") : Output.red("\(result.broken.count) worlds broke an invariant")
        Output.line(
            "\(Output.number(result.worlds)) worlds, \(Output.number(result.steps)) events in "
                + "\(String(format: "%.1f", result.seconds)) s: \(verdict)")
    }
}
