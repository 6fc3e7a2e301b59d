import Foundation
import LoadGenerator
import Terminal

/// The visitors of the gates: how far each kind got, what it won, and where its requests were stopped.
enum CrowdTables {
    private static let stages: [(VisitorStage, String)] = [
        (.session, "session"), (.line, "in line"), (.turn, "turn"), (.token, "token"), (.order, "order"),
        (.paid, "paid"),
    ]

    static func print(_ load: LoadReport) {
        guard !load.gate.isEmpty else { return }
        let kinds = VisitorKind.allCases.filter { load.figures($0).visitors > 0 }
        let person = load.figures(.person).itemsPerIdentity
        let rows = kinds.map { kind in
            let figures = load.figures(kind)
            return [kind.rawValue, Output.number(figures.visitors), Output.number(figures.requests)]
                + self.stages.map { Output.number(figures.reached[$0.0.rawValue] ?? 0) } + [
                    Output.number(figures.items),
                    person > 0 ? String(format: "%.2f", figures.itemsPerIdentity / person) : "-",
                ]
        }
        Output.line("\n" + Output.bold("Visitors") + ", and the items of one identity by those of a person:")
        let header = ["", "visitors", "requests"] + self.stages.map(\.1) + ["items", "by a person's"]
        for line in Output.table(header, rows) { Output.line("  " + line) }
        self.printLayers(load, kinds)
    }

    /// The layers in the order in which a request meets them.
    private static func printLayers(_ load: LoadReport, _ kinds: [VisitorKind]) {
        let layers: [GateLayer] = [.form, .identity, .shed, .limits, .rules, .sale, .line, .challenge, .unit]
        let rows = layers.compactMap { layer -> [String]? in
            var codes: [String: Int] = [:]
            let stopped = kinds.map { kind -> Int in
                let mine = load.figures(kind).stopped[layer.rawValue] ?? [:]
                codes.merge(mine) { $0 + $1 }
                return mine.values.reduce(0, +)
            }
            guard !codes.isEmpty else { return nil }
            let text = codes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.key) \(Output.number($0.value))" }.joined(separator: ", ")
            return [layer.rawValue] + stopped.map { Output.number($0) } + [text]
        }
        Output.line("\n" + Output.bold("Stopped requests") + ", by layer and code:")
        for line in Output.table(["layer"] + kinds.map(\.rawValue) + ["codes"], rows) { Output.line("  " + line) }
    }

    static func print(_ verdict: CrowdVerdict) {
        for check in verdict.checks {
            let text = "\(check.name): \(check.finding)"
            Output.line(check.isGood ? text : Output.red("NOT TRUE: " + text))
        }
    }
}
