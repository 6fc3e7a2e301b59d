import ArgumentParser
import Foundation
import Terminal

struct OutboxBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox",
        abstract: "Measure what it costs a sale that a shop hears of every order, and how fast a shop catches up.",
        discussion: """
            Two measurements on one unit. The sale: orders a second in closed loop, in turns without a consumer and with
            one that takes every event at once. Catching up: the unit sells without a consumer, and starts again with one.
            Each event is one signed request; receiver, generator and unit share this machine.
            """)
    @Option(help: "Rounds of the sale with and without; the figures are medians.") var rounds = 3
    @Option(help: "Seconds of each run.") var seconds = 6.0
    @Option(help: "Connections of the buyers.") var connections = 64
    @Option(help: "Deliveries at a time.") var concurrency = 64
    @Option(help: "Events that the shop has to catch up with, about.") var events = 200_000
    @Flag(help: "One round of 2 s, and 20,000 events.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    static let keptTarget = 0.95
    static let speedTarget = 20_000.0

    struct Report: Codable {
        let ordersPerSecondWithout: Double
        let ordersPerSecondWith: Double
        let kept: Double
        let eventsPerSecond: Double
        let events: Int
    }

    func validate() throws {
        for (name, value, limit) in [
            ("rounds", Double(self.rounds), 100.0), ("seconds", self.seconds, 60),
            ("connections", Double(self.connections), 4_000), ("concurrency", Double(self.concurrency), 256),
            ("events", Double(self.events), 10_000_000),
        ] where !(1...limit).contains(value) {
            throw ValidationError("--\(name) \(value) is not in 1...\(limit)")
        }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let settings = OutboxRun.Settings(
            seconds: self.quick ? 2 : self.seconds, connections: self.connections, concurrency: self.concurrency,
            events: self.quick ? 20_000 : self.events)
        let report = try await Stopping.$interrupt.withValue(interrupt) {
            var (without, with): ([Double], [Double]) = ([], [])
            for round in 1...(self.quick ? 1 : self.rounds) {
                steps.say("round \(round)")
                without.append(try await OutboxRun.sell(settings, hasConsumer: false, steps))
                with.append(try await OutboxRun.sell(settings, hasConsumer: true, steps))
            }
            let catchUp = try await OutboxRun.catchUp(settings, steps)
            return Report(
                ordersPerSecondWithout: median(without), ordersPerSecondWith: median(with),
                kept: median(with) / max(1, median(without)), eventsPerSecond: catchUp.perSecond,
                events: catchUp.events)
        }
        if self.json { return Output.json(report) }
        Output.line(
            String(
                format: "orders/s: %.0f without a consumer, %.0f with one", report.ordersPerSecondWithout,
                report.ordersPerSecondWith))
        self.judge("the sale keeps", report.kept, atLeast: Self.keptTarget, "%.3f")
        self.judge("events/s when a shop catches up", report.eventsPerSecond, atLeast: Self.speedTarget, "%.0f")
    }

    private func judge(_ figure: String, _ value: Double, atLeast target: Double, _ format: String) {
        let word = value >= target ? Output.green("met") : Output.red("missed")
        Output.line(String(format: "%@: \(format), target at least \(format): ", figure, value, target) + word)
    }
}
