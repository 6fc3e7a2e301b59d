import ArgumentParser
import Foundation
import Terminal

struct LotsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lots",
        abstract: "Measure many lots in one unit, and a storm on one of them.",
        discussion: """
            Three comparisons on one unit: one hot lot alone; 100 hot lots of 1,000 open ones; 99 lots at a steady rate,
            with and without a storm of ten times as many requests on one more lot. The figures are medians. The
            generators share the machine with the unit, so a storm also takes processor time that the unit would have on
            a machine of its own.
            """)
    @Option(help: "Rounds; the figures are medians.") var rounds = 3
    @Option(help: "Seconds of each run.") var seconds = 4.0
    @Option(help: "Connections in closed loop, and of the steady lots; a storm has three times as many.")
    var connections = 256
    @Option(help: "Requests a second of the steady lots together.") var rate = 5_000.0
    @Flag(help: "One round of 2 s: about half a minute.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    static let ratioTarget = 0.9
    static let keptTarget = 0.8

    func validate() throws {
        for (name, value, limit) in [
            ("rounds", Double(self.rounds), 100.0), ("seconds", self.seconds, 60), ("rate", self.rate, 100_000),
            ("connections", Double(self.connections), 4_000),
        ] where !(1...limit).contains(value) {
            throw ValidationError("--\(name) \(value) is not in 1...\(limit)")
        }
    }

    func run() async throws {
        let settings = LotsRun.Settings(
            seconds: self.quick ? 2 : self.seconds, connections: self.connections, rate: self.rate)
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let rounds = self.quick ? 1 : self.rounds
        var runs: [LotsRun] = []
        for round in 1...rounds {
            steps.say("round \(round) of \(rounds)")
            runs.append(
                try await Stopping.$interrupt.withValue(interrupt) { try await LotsRun.run(settings, steps) })
        }
        if self.json { Output.json(runs) } else { self.show(runs) }
    }

    private func show(_ runs: [LotsRun]) {
        let rows: [(String, KeyPath<LotsRun, LotsRun.Figures>)] = [
            ("one lot, hot", \.alone), ("1,000 lots, one hot", \.oneOfMany), ("1,000 lots, 100 hot", \.manyOfMany),
            ("99 lots, steady", \.calm), ("99 lots, steady, beside a storm", \.besideStorm), ("the storm", \.storm),
        ]
        Output.line()
        let lines = Output.table(
            ["lots", "orders/s", "p50 ms", "p99 ms"],
            rows.map { name, path in
                [name, Output.number(Int(median(runs.map { $0[keyPath: path].ordersPerSecond })))]
                    + [\LotsRun.Figures.p50Milliseconds, \.p99Milliseconds].map { figure in
                        String(format: "%.2f", median(runs.map { $0[keyPath: path][keyPath: figure] }))
                    }
            })
        for line in lines { Output.line(line) }
        Output.line()
        for (name, path) in rows {
            let others = runs.flatMap { $0[keyPath: path].answers }.filter { $0.key != "201" }
            let counts = Dictionary(others.map { ($0.key, $0.value) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
            guard !counts.isEmpty else { continue }
            Output.line(
                "\(name): " + counts.map { "\(Output.number($0.value)) answered \($0.key)" }.joined(separator: ", "))
        }
        self.judge("100 hot lots against one", median(runs.map(\.manyAgainstAlone)), atLeast: Self.ratioTarget)
        self.judge("rate that the others keep in a storm", median(runs.map(\.keptInStorm)), atLeast: Self.keptTarget)
    }

    private func judge(_ figure: String, _ value: Double, atLeast target: Double) {
        let word = value >= target ? Output.green("met") : Output.red("missed")
        Output.line(String(format: "%@: %.2f x, target at least %.2f: ", figure, value, target) + word)
    }
}
