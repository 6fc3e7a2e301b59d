import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import Rehearsal
import Terminal

struct RehearseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse",
        abstract: "Rehearse sales on real processes while faults occur, and decide: go, or no go.",
        discussion: """
            First the command measures the ceiling of one unit. Then it runs one sale after another, each on a new
            cluster on this machine, with bots, double clicks, lost connections and abandoned payments. Meanwhile it
            injects and repairs one fault after another, and settles stranded quota by the ledgers. Each sale is judged
            from its files and from the crowd's own list of orders that were answered 201. Exit code 2 means: no go. A
            ledger that is replaced by an older copy is kept: items that only it shows as sold are owed to their
            buyers. Ctrl-C stops all processes; the files of the sale stay.

            Faults:
            \(RehearsalFault.allCases.map { "  \($0.rawValue): \($0.story)" }.joined(separator: "\n"))
            """)

    @Option(help: "Minutes of the rehearsal; the last sale is finished.") var minutes = 3.0
    @Option(help: "Seed of the crowds and the faults.") var seed: UInt64 = UInt64(Date().timeIntervalSince1970)
    @Option(help: "Faults: all, none, or names separated by commas.") var faults = "all"
    @Option(help: "Stock of each sale.") var stock = 6_000
    @Option(help: "Buyers of each sale.") var buyers = 12_000
    @Option(help: "Seconds in which the buyers arrive.") var seconds = 35.0
    @Option(help: "Weights of the demand in us-east, eu-west and ap-south.") var skew = "60,25,15"
    @Option(help: "Expected requests per second at the busiest unit; the crowd's rate if not given.")
    var expected: Double?
    @Option(help: "Prefix of the folders for the files of failed sales, one folder for each.") var data: String?
    @Option(help: "Number of the first fault, counted from 0, to repeat a sale with the same faults.")
    var firstFault = 0
    @Option(
        help: ArgumentHelp(
            "Tell this address of every fault; its answers say how long one lasts (200), and when no more come (410).",
            discussion: "A sale ends with its last fault then. ops/prometheus/rehearse uses it.", valueName: "url"))
    var referee: String?
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

    /// Measures the ceiling of one unit.
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
        if let referee, !referee.hasPrefix("http://") {
            throw ValidationError("--referee \"\(referee)\" is not an address such as http://127.0.0.1:9200/")
        }
        try check("minutes", self.minutes, 0...10_080)
        try check("first-fault", Double(self.firstFault), 0...1_000_000)
        try check("seconds", self.seconds, 5...3_600)
        try check("stock", Double(self.stock), 1...10_000_000)
        try check("buyers", Double(self.buyers), 1...10_000_000)
        if let expected { try check("expected", expected, 1...10_000_000) }
        let weights = try self.skew.split(separator: ",").map { part in
            guard let weight = Int(part) else { throw ValidationError("--skew: \"\(part)\" is not a weight") }
            return weight
        }
        guard weights.count == ThreeRegions.names.count, weights.allSatisfy({ $0 >= 0 }),
            weights.contains(where: { $0 > 0 })
        else { throw ValidationError("--skew \"\(self.skew)\" is not three weights, as in 60,25,15") }
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
        let referee = self.referee.map { RehearsalReferee(url: $0) }
        let outcome = try await RehearsalRound(plan: plan, folder: folder, interrupt: interrupt, referee: referee) {
            text in
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
                    + " --first-fault \(plan.firstFault)"
            )
        }
        return outcome
    }

    private func say(_ text: String) { if !self.json { Output.line(text) } }
}

extension RehearsalFault {
    /// Reads `all`, `none`, or names separated by commas.
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
