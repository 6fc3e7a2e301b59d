import LoadGenerator
import Terminal

/// How far the crowd came at the gates.
enum GateTable {
    private static let calls = [
        ("POST session", "proved who they are"), ("POST entry", "entered the line"),
        ("POST challenge", "asked for a challenge"), ("POST token", "asked for a token"),
        ("POST again", "asked for another token, after one that ended"),
        ("GET status.json", "read the status (shared)"),
    ]

    static func print(_ load: LoadReport) {
        guard !load.gate.isEmpty else { return }
        let rows = self.calls.compactMap { call, meaning -> [String]? in
            guard let answers = load.gate[call] else { return nil }
            let done = answers.filter { (200..<400).contains($0.key) }.values.reduce(0, +)
            let refused = answers.filter { $0.key >= 400 }.sorted { $0.key < $1.key }
                .map { "\($0.key): \(Output.number($0.value))" }.joined(separator: ", ")
            return [
                meaning, Output.number(answers.values.reduce(0, +)), Output.number(done),
                refused.isEmpty ? "-" : refused, Output.number(answers[0] ?? 0),
            ]
        }
        Output.line("\n" + Output.bold("At the gates:"))
        for line in Output.table(["buyers", "asked", "done", "refused, by status", "no answer"], rows) {
            Output.line("  " + line)
        }
    }
}
