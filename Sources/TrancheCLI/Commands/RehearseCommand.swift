import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import Rehearsal
import Terminal

struct RehearseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse",
        abstract: "Rehearse a sale on real processes while everything goes wrong: go, or no go.",
        discussion: """
            First the ceiling of one unit is measured. Then sale after sale is sold out on a fresh cluster of this machine,
            with bots, double clicks, lost connections and abandoned payments, while one fault after another is made
            and mended. Stranded quota is settled by what the ledgers say. Each sale is judged from its files and from the
            crowd's own list of every 201. Exit code 2 means: no go. A ledger that is replaced by an older copy is kept, and
            found again: what only it knows is owed to its buyers. Ctrl-C stops everything; the files of the sale stay.

            Faults:
            \(RehearsalFault.allCases.map { "  \($0.rawValue): \($0.story)" }.joined(separator: "\n"))
            """)

    @Option(help: "How long, in minutes; a sale that has begun is finished.") var minutes = 3.0
    @Option(help: "Seed of the crowds and the faults.") var seed: UInt64 = UInt64(Date().timeIntervalSince1970)
    @Option(help: "Which faults: all, none, or names with commas.") var faults = "all"
    @Option(help: "Stock of each sale.") var stock = 6_000
    @Option(help: "Buyers of each sale.") var buyers = 12_000
    @Option(help: "Seconds in which they come.") var seconds = 35.0
    @Option(help: "Demand of us-east, eu-west and ap-south.") var skew = "60,25,15"
    @Option(help: "Requests per second that the busiest unit must expect; that of the crowd if not given.")
    var expected: Double?
    @Option(help: "Where the files of a failed sale are kept: a folder for each, whose name begins so.") var data:
        String?
    @Option(help: "Which fault comes first, counted from 0: a sale that is repeated begins where it began.")
    var firstFault = 0
    @Flag(help: "Print JSON, for scripts.") var json = false

    func run() async throws {
        let plan = try self.plan()
        let started = ContinuousClock.now
        self.say("measuring the ceiling of one unit …")
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let ceiling = RehearsalVerdict.Ceiling(
            ordersPerSecond: try await self.ordersPerSecond(interrupt),
            expectedPerSecond: self.expected ?? plan.busiestPerSecond)
        self.say("\(Output.number(Int(ceiling.ordersPerSecond))) durable orders/s")
        var rounds: [RehearsalOutcome] = []
        repeat {
            var next = plan
            next.seed = self.seed &+ UInt64(rounds.count)
            next.firstFault = self.firstFault + rounds.reduce(0) { $0 + $1.eventCount }
            rounds.append(try await self.rehearse(next, number: rounds.count + 1, interrupt))
        } while ContinuousClock.now - started + .seconds(self.seconds) < .seconds(self.minutes * 60)
        let verdict = RehearsalVerdict(seed: self.seed, rounds: rounds, faults: plan.faults, ceiling: ceiling)
        if self.json { Output.json(verdict) } else { verdict.print() }
        if !verdict.isGo { throw ExitCode(2) }
    }

    /// What one unit can do.
    private func ordersPerSecond(_ interrupt: Interrupt) async throws -> Double {
        do {
            let runs = try await PurchaseRun.measure(
                connections: [64], seconds: 4, requests: 200_000, interrupt: interrupt
            ) { _ in }
            return runs[0].ordersPerSecond
        } catch let unsound as PurchaseRun.Unsound {
            unsound.report.print()
            throw ExitCode(2)
        }
    }

    private func plan() throws -> RehearsalPlan {
        func check(_ name: String, _ value: Double, _ range: ClosedRange<Double>) throws {
            guard range.contains(value) else {
                throw ValidationError("--\(name) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
            }
        }
        try check("minutes", self.minutes, 0...10_080)
        try check("first-fault", Double(self.firstFault), 0...1_000_000)
        try check("seconds", self.seconds, 5...3_600)
        try check("stock", Double(self.stock), 1...10_000_000)
        try check("buyers", Double(self.buyers), 1...10_000_000)
        if let expected { try check("expected", expected, 1...10_000_000) }
        let weights = try self.skew.split(separator: ",").map { part in
            guard let weight = Int(part) else { throw ValidationError("--skew: \"\(part)\" is no number") }
            return weight
        }
        guard weights.count == ThreeRegions.names.count, weights.allSatisfy({ $0 >= 0 }),
            weights.contains(where: { $0 > 0 })
        else { throw ValidationError("--skew \"\(self.skew)\" needs three numbers, as in 60,25,15") }
        return RehearsalPlan(
            seed: self.seed, stock: self.stock, buyers: self.buyers, seconds: self.seconds, weights: weights,
            faults: try RehearsalFault.list(self.faults))
    }

    private func rehearse(
        _ plan: RehearsalPlan, number: Int, _ interrupt: Interrupt
    ) async throws -> RehearsalOutcome {
        let path =
            try self.data.map { "\($0)-\(ProcessInfo.processInfo.processIdentifier)-\(number)" }
            ?? PrivateFolder.make("tranche-rehearsal")
        let folder = ClusterFolder(path: URL(fileURLWithPath: path).standardizedFileURL.path)
        self.say(
            "\nsale \(number), seed \(plan.seed): \(Output.number(plan.stock)) items, \(Output.number(plan.buyers)) buyers "
                + "within \(Int(plan.seconds)) s")
        let isQuiet = self.json
        let story = Story(isQuiet: isQuiet)
        let outcome = try await RehearsalRound(plan: plan, folder: folder, interrupt: interrupt) { text in
            story.note(text)
            if Output.isTerminal, !isQuiet { Output.line(Output.dim(text)) }
        }.run()
        if outcome.isGood {
            try? FileManager.default.removeItem(atPath: folder.path)
            self.say(
                Output.green("good") + ": \(outcome.paid) paid, \(outcome.held) held, \(outcome.owed) owed, 0 lost")
        } else {
            for fault in outcome.faults.prefix(10) { self.say(Output.red(fault)) }
            self.say(
                "data: \(folder.path)\nrepeat with: tranche rehearse --minutes 0 --seed \(plan.seed) --faults \(self.faults)"
            )
        }
        return outcome
    }

    private func say(_ text: String) { if !self.json { Output.line(text) } }
}

extension RehearsalFault {
    /// Reads `all`, or names with commas between them.
    static func list(_ text: String) throws -> [RehearsalFault] {
        if text == "all" { return self.allCases }
        if text == "none" { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
            guard let fault = RehearsalFault(rawValue: String(name)) else {
                throw ValidationError(
                    "--faults: there is no \"\(name)\"; known: all, none, "
                        + self.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return fault
        }
    }
}
