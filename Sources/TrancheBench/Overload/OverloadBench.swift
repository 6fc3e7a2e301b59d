import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import Terminal

struct OverloadBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overload",
        abstract: "Measure what a unit, or a gate, still does when ten times as much is asked of it as it can do.",
        discussion: """
            Server and generator have a processor each, also while the ceiling is measured, so that the generator takes nothing
            from the server. First the ceiling: a closed loop of 64 connections. Then a calm load of a quarter of it. Then the
            storm: requests in open loop at ten times the ceiling, several of a connection in one piece, or as many as
            generator and server can exchange; the rate that was offered is told. Buyers who are refused ask again at once,
            whatever Retry-After says; those who have an order make room for new buyers, so every request could be sold.
            Then the calm load again, until its latency is normal. Every 201 of a unit is looked up in the ledger.
            """)
    @Option(help: "Seconds of the storm: 60 if not given, and 8 with --quick.") var seconds: Double?
    @Option(help: "The offered rate, in ceilings.") var factor = 10.0
    @Option(help: "Connections of the storm.") var connections = 1_500
    @Option(help: "Requests that a connection of the storm sends in one piece.") var batch = 16
    @Flag(help: "Let server and generator share all processors.") var shared = false
    @Flag(help: "Storm the tokens of a gate instead of the orders of a unit.") var gate = false
    @Flag(help: "A ceiling of 2 s and a storm of 8 s.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        for (name, value, limit) in [
            ("seconds", self.seconds ?? 60, 600.0), ("factor", self.factor, 100),
            ("connections", Double(self.connections), 1_900), ("batch", Double(self.batch), 64),
        ] where !(1...limit).contains(value) {
            throw ValidationError("--\(name) \(value) is not in 1...\(limit)")
        }
        guard self.shared || Processors.count >= 2 else {
            throw ValidationError("server and generator need a processor each, and there is 1: use --shared")
        }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let plan = OverloadRun.Plan(
            ceilingSeconds: self.quick ? 2 : 5, stormSeconds: self.seconds ?? (self.quick ? 8 : 60),
            factor: self.factor, connections: self.connections, batch: self.batch, isApart: !self.shared)
        let run: OverloadRun
        do {
            run = try await Stopping.$interrupt.withValue(interrupt) {
                self.gate
                    ? try await OverloadRun.gate(plan, steps) : try await OverloadRun.unit(plan, steps)
            }
        } catch let unsound as PurchaseRun.Unsound {
            unsound.report.print()
            throw ExitCode(2)
        }
        if self.json { Output.json(run) } else { run.print() }
    }
}

extension OverloadRun {
    func print() {
        func number(_ value: Double) -> String { Output.number(Int(value.rounded())) }
        Output.line()
        Output.line("setup: \(self.setup)")
        Output.line("ceiling, closed loop: \(number(self.ceilingPerSecond)) a second")
        // A rate that is missed by the generator's rounding counts as offered.
        Self.judge(
            "offered",
            "\(number(self.offeredPerSecond)) a second, " + String(format: "%.1f ceilings", self.offeredCeilings),
            String(format: "%.1f ceilings", self.askedCeilings), self.offeredCeilings >= self.askedCeilings * 0.98)
        Self.judge(
            "length of the storm", String(format: "%.0f s", self.stormSeconds),
            String(format: "%.0f s", self.askedSeconds), self.stormSeconds >= self.askedSeconds * 0.98)
        Self.judge(
            "goodput", String(format: "%.0f %% of the ceiling", self.goodputPercent), "at least 90 %",
            self.goodputPercent >= 90)
        Output.line(String(format: "p50 of the admitted: %.1f ms", self.admittedP50Milliseconds))
        Self.judge(
            "p99 of the admitted", String(format: "%.1f ms", self.admittedP99Milliseconds), "at most 250 ms",
            self.admittedP99Milliseconds <= 250)
        Self.judge(
            "normal latency after the storm",
            self.normalAfterSeconds.map { String(format: "%.1f s", $0) } ?? "not seen", "within 5 s",
            self.normalAfterSeconds.map { $0 <= 5 } ?? false)
        Output.line(
            String(
                format: "p99 of a calm load: %.1f ms before the storm, %.1f ms after it", self.calmP99Milliseconds,
                self.laterP99Milliseconds))
        let answers = self.answers.sorted { $0.key < $1.key }.map { "\(Output.number($0.value)) answered \($0.key)" }
        Output.line(
            (answers + ["\(Output.number(self.unanswered)) without an answer"]).joined(separator: ", ")
                + String(
                    format: "; CPU: server and its Redis %.1f s, generator %.1f s", self.serverSeconds,
                    self.generatorSeconds))
    }

    private static func judge(_ what: String, _ value: String, _ target: String, _ isMet: Bool) {
        Output.line("\(what): \(value) (\(target): \(isMet ? "met" : "missed"))")
    }
}
