import ArgumentParser
import Simulation
import Terminal

/// What a script wins against people at a gate, by the pace of the line.
struct GateFairnessBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate-fairness",
        abstract: "Simulate what a script with a hundred times the requests wins against people, by the line's pace.",
        discussion: """
            The gate's decisions and the line are the product's own; 20,000 people and 10,000 scripts enter before the
            opening and want 10,000 items. A ratio of 1 means that a script wins as often as a person. The faster the line, the
            more it is the first click after the turn that counts. Exit code 2 if a script wins more than 1.05 of a person's
            share at the slowest pace.
            """)
    @Option(help: "Runs for each pace, with the seeds 1, 2, …") var seeds = 4
    @Flag(help: "Print JSON, for scripts.") var json = false

    /// What the center takes the units to answer in a second; the line fills three quarters of it.
    private static let capacities = [60, 240, 960, 3_840, 30_000]

    private struct Row: Codable {
        let entriesPerSecond: Int
        let ratio: Double
        let standardError: Double
        let result: GateFairnessWorkload.Result
    }

    func validate() throws {
        guard (1...100).contains(self.seeds) else { throw ValidationError("--seeds \(self.seeds) is not in 1...100") }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        var rows: [Row] = []
        for capacity in Self.capacities {
            let result = await steps.run("\(capacity) requests a second") { () async in
                var settings = GateFairnessWorkload.Settings()
                settings.capacityPerSecond = capacity
                let results = (1...UInt64(self.seeds)).map { GateFairnessWorkload.run(seed: $0, settings) }
                return results.dropFirst().reduce(results[0], +)
            }
            rows.append(
                Row(
                    entriesPerSecond: capacity * 3 / 4, ratio: result.ratio, standardError: result.standardError,
                    result: result))
        }
        if self.json { Output.json(rows) } else { self.print(rows) }
        guard let slowest = rows.first, slowest.ratio <= 1.05 else { throw ExitCode(2) }
    }

    private func print(_ rows: [Row]) {
        let text = rows.map { row in
            [
                Output.number(row.entriesPerSecond), String(row.result.seconds),
                Output.number(row.result.people.won), Output.number(row.result.scripts.won),
                Output.number(row.result.people.requests), Output.number(row.result.scripts.requests),
                Self.text(row.ratio), Self.text(row.standardError),
            ]
        }
        let header = [
            "line entries/s", "sold out after s", "people won", "scripts won", "people asked", "scripts asked",
            "script : person", "standard error",
        ]
        for line in Output.table(header, text) { Output.line(line) }
    }

    /// With three digits behind the point.
    private static func text(_ value: Double) -> String { String((value * 1_000).rounded() / 1_000) }
}
