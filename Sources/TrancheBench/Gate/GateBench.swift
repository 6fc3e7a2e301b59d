import ArgumentParser
import Foundation
import LoadGenerator
import Terminal

struct GateBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Measure one gate: status, tokens, and what a refusal costs by each layer, beside nginx.",
        discussion: """
            Closed loop; gate, its Redis, the unit and the generator share the machine. nginx answers from its configuration
            in the same run: it shows what the machine and the generator can carry. The figures are medians.
            """)
    @Option(help: "Rounds; the figures are medians.") var rounds = 3
    @Option(help: "Seconds of each run.") var seconds = 4.0
    @Option(help: "Connections.") var connections = 64
    @Flag(help: "One round of 2 s.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    fileprivate struct Figures: Codable {
        let name: String
        var perSecond: [Double] = []
        var p99Milliseconds: [Double] = []
        var cpuMicroseconds: [Double] = []
        var others = 0
    }

    func validate() throws {
        for (name, value, limit) in [
            ("rounds", Double(self.rounds), 100.0), ("seconds", self.seconds, 60),
            ("connections", Double(self.connections), 4_000),
        ] where !(1...limit).contains(value) {
            throw ValidationError("--\(name) \(value) is not in 1...\(limit)")
        }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let figures = try await Stopping.$interrupt.withValue(interrupt) { try await self.measure(steps) }
        if self.json { return Output.json(figures) }
        let peer = median(figures.last?.perSecond ?? [1])
        let rows = figures.map { one in
            [
                one.name, Output.number(Int(median(one.perSecond))),
                String(format: "%.2f", median(one.p99Milliseconds)),
                String(format: "%.1f", median(one.cpuMicroseconds)),
                String(format: "%.2f x", median(one.perSecond) / max(1, peer)), Output.number(one.others),
            ]
        }
        for line in Output.table(["calls", "per second", "p99 ms", "CPU us", "of nginx", "other answers"], rows) {
            Output.line(line)
        }
    }

    private func measure(_ steps: Steps) async throws -> [Figures] {
        var figures =
            MeasuredGate.Calls.allCases.map { Figures(name: $0.rawValue) }
            + [Figures(name: "status behind nginx"), Figures(name: "nginx return")]
        let seconds = self.quick ? 2 : self.seconds
        for round in 1...(self.quick ? 1 : self.rounds) {
            steps.say("round \(round)")
            for (index, calls) in MeasuredGate.Calls.allCases.enumerated() {
                let gate = MeasuredGate()
                try await Stopping.run({ await gate.stop() }) {
                    try await gate.start()
                    let result = try await self.drive(
                        gate.port, gate.tape(calls, count: Int(seconds * 40_000)), seconds, repeats: calls != .tokens,
                        gate.processes)
                    figures[index].add(result.result, wanted: calls.wanted, cpu: result.cpu)
                    guard calls == .status else { return }
                    let front = try await self.driveFront(gate, seconds)
                    figures[figures.count - 2].add(front.result, wanted: calls.wanted, cpu: front.cpu)
                }
            }
            let sample = try await Measuring.sample(
                try NginxContender(.fixed, workers: 1), .refusals, connections: self.connections, seconds: seconds)
            figures[figures.count - 1].perSecond.append(sample.perSecond)
            figures[figures.count - 1].p99Milliseconds.append(sample.p99Milliseconds)
            figures[figures.count - 1].cpuMicroseconds.append(sample.cpuMicroseconds)
        }
        return figures
    }

    private func driveFront(
        _ gate: MeasuredGate, _ seconds: Double
    ) async throws -> (result: Drive.Result, cpu: Double) {
        let front = try await StatusFront(gate: gate.port)
        return try await Stopping.run({ await front.stop() }) {
            try await self.drive(
                front.port, gate.tape(.status, count: 1), seconds, repeats: true, gate.processes + front.processes)
        }
    }

    private func drive(
        _ port: Int, _ tape: RequestTape, _ seconds: Double, repeats: Bool, _ processes: [Int32]
    ) async throws -> (result: Drive.Result, cpu: Double) {
        var drive = Drive(port: port, connections: self.connections, seconds: seconds)
        drive.repeats = repeats
        let before = ProcessFigures.cpuSeconds(processes)
        let result = try await drive.run(tape)
        return (result, ProcessFigures.cpuSeconds(processes) - before)
    }
}

extension GateBench.Figures {
    fileprivate mutating func add(_ result: Drive.Result, wanted: Int, cpu: Double) {
        let answers = result.statuses[wanted] ?? 0
        self.perSecond.append(result.perSecond(wanted))
        self.p99Milliseconds.append(result.p99Milliseconds)
        self.cpuMicroseconds.append(cpu / Double(max(1, answers)) * 1e6)
        self.others += result.answers - answers
    }
}
