import ArgumentParser
import Clusters
import Foundation
import Terminal

struct LedgersBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledgers",
        abstract: "Measure a unit with its ledger in PostgreSQL, beside one with a file.",
        discussion: """
            Both in turns, each on a new unit, with the generator on the same machine. PostgreSQL has one standby that
            must confirm each commit, behind a link with a delay each way. Primary, standby, link, unit, Redis and
            generator share the processors of the machine, so the ratio is lower than with servers of their own. Each 201
            is looked up in its ledger.
            """)
    @Option(help: "Numbers of connections, one run for each.") var connections = "64,256"
    @Option(help: "Seconds of each run.") var seconds = 8.0
    @Option(help: "Rounds; the figures are medians.") var rounds = 3
    @Option(help: "Delay between primary and standby, one way, in milliseconds.") var delay = 0.5
    @Flag(help: "Print JSON, for scripts.") var json = false

    static let ratioTarget = 0.5
    static let latencyTarget = 30.0

    private var counts: [Int] { self.connections.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard !self.counts.isEmpty, self.counts.allSatisfy({ (1...4_000).contains($0) }) else {
            throw ValidationError("--connections \(self.connections) is no list of numbers in 1...4000")
        }
        for (name, value, range) in [
            ("rounds", Double(self.rounds), 1...100.0), ("seconds", self.seconds, 1...60),
            ("delay", self.delay, 0...1_000),
        ] where !range.contains(value) {
            throw ValidationError("--\(name) \(value) is not in \(range)")
        }
    }

    func run() async throws {
        let settings = LedgersRun.Settings(
            connections: self.counts, seconds: self.seconds, rounds: self.rounds, oneWayMilliseconds: self.delay)
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let runs: [LedgersRun]
        do {
            runs = try await Stopping.$interrupt.withValue(interrupt) { try await LedgersRun.measure(settings, steps) }
        } catch let unsound as PurchaseRun.Unsound {
            unsound.report.print()
            throw ExitCode(2)
        }
        if self.json { Output.json(runs) } else { self.show(runs) }
    }

    private func show(_ runs: [LedgersRun]) {
        func figure(_ engine: LedgersRun.Engine, _ count: Int, _ path: KeyPath<LedgersRun, Double>) -> Double {
            median(runs.filter { $0.engine == engine && $0.connections == count }.map { $0[keyPath: path] })
        }
        Output.line()
        let lines = Output.table(
            ["connections", "ledger", "orders/s", "p50 ms", "p99 ms"],
            self.counts.flatMap { count in
                LedgersRun.Engine.allCases.map { engine in
                    [
                        "\(count)", engine.rawValue,
                        Output.number(Int(figure(engine, count, \.ordersPerSecond))),
                        String(format: "%.2f", figure(engine, count, \.p50Milliseconds)),
                        String(format: "%.2f", figure(engine, count, \.p99Milliseconds)),
                    ]
                }
            })
        for line in lines { Output.line(line) }
        Output.line()
        for count in self.counts {
            let ratio = figure(.postgres, count, \.ordersPerSecond) / max(1, figure(.sqlite, count, \.ordersPerSecond))
            let latency = figure(.postgres, count, \.p99Milliseconds)
            Output.line(
                String(format: "%d connections: %.2f x, target at least %.2f: ", count, ratio, Self.ratioTarget)
                    + self.word(ratio >= Self.ratioTarget))
            Output.line(
                String(format: "%d connections: p99 %.2f ms, target at most %.0f: ", count, latency, Self.latencyTarget)
                    + self.word(latency <= Self.latencyTarget))
        }
        Output.line("every 201 is in its ledger")
    }

    private func word(_ isMet: Bool) -> String { isMet ? Output.green("met") : Output.red("missed") }
}
