import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

extension SaleCommand {
    struct Rules: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the rules of a sale's units beside each other, with what they have answered.",
            discussion: """
                The figures are of everything that a unit has answered since the sale opened, or since the center \
                began to lead. `tranche sale vary` gives regions or units rules of their own, `tranche sale stage` \
                brings new rules to one unit first. docs/rules.md says what may differ.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws {
            self.common.show(
                try await self.common.client().call("GET", "/v1/sales/\(self.sale)/rules", as: RulesDocument.self))
        }
    }

    struct Vary: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give regions or units rules of their own, on purpose (A/B), or end that.",
            discussion: """
                The file has all variants of the sale; a unit that is in none has the sale's own rules:

                  {"variants": [
                    {"name": "work", "regions": ["us"], "rules": {"gate": {"challenge": "work"}}},
                    {"name": "two-each", "units": ["eu-2"], "rules": {"limits": {"7": 2}}}]}

                Stock, times, secrets and units are the same everywhere, and so is everything of a contested lot. \
                `tranche sale export` shows the results side by side.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "A JSON file with the variants.") var file: String?
        @Flag(help: "End all variants: every unit has the sale's own rules.") var none = false

        func validate() throws {
            guard (self.file == nil) == self.none else {
                throw ValidationError("give the file with the variants, or --none")
            }
        }

        func run() async throws {
            let client = try self.common.client()
            let body = try self.file.map { path in
                try RuleFields.checkVariants(try JSONFile.bytes(path))
                return try JSONFile.read(VariantsBody.self, path)
            }
            let document = try await client.edit(self.sale) { seen in
                try await client.call(
                    "PUT", "/v1/sales/\(self.sale)/variants", body ?? VariantsBody(variants: []),
                    version: seen.version, as: RulesDocument.self)
            }
            self.common.show(document)
        }
    }

    struct Stage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring new rules to one unit of an open sale, then to its region, then to all.",
            discussion: """
                Each stage is watched and compared with the units that still have the old rules, and with the minute \
                before. The rollout holds by itself when refusals or latency rise, and `tranche sale rules` says why; \
                `tranche sale rollout` goes on, rolls back, or finishes. The file has the rules that change:

                  {"gate": {"challenge": "work", "perUserPerMinute": 60}, "limits": {"7": 2}}
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "A JSON file with the rules that change.") var file: String
        @Option(help: "The name of the first unit.") var unit: String
        @Option(help: "How long each stage is watched, as 60s (the default).") var watch: TimeLength?
        @Option(help: "Points, in percent, by which the share of a refusal may rise (5).") var rise: Double?
        @Option(help: "How slow 99 % of the orders may become, in percent of the comparison (200).") var slower: Int?
        @Option(help: "Purchases that a stage must have answered before the next one (100).") var least: Int?

        func validate() throws {
            try Checks.number("--rise", self.rise, in: 0.1...100)
            try Checks.number("--slower", self.slower, in: RolloutTerms.latencyLimits)
            try Checks.number("--least", self.least, in: RolloutTerms.leastLimits)
            guard let watch, !RolloutTerms.watchLimits.contains(watch.milliseconds) else { return }
            let limits = RolloutTerms.watchLimits
            throw ValidationError(
                "--watch \(watch) is not in \(TimeLength(milliseconds: limits.lowerBound))..."
                    + "\(TimeLength(milliseconds: limits.upperBound))")
        }

        func run() async throws {
            let client = try self.common.client()
            try RuleFields.checkRules(try JSONFile.bytes(self.file))
            let body = StagedBody(
                rules: try JSONFile.read(SaleConfig.RuleChange.self, self.file), unit: self.unit,
                terms: RolloutTerms(
                    watchMilliseconds: self.watch?.milliseconds, risePermille: self.rise.map { Int($0 * 10) },
                    latencyPercent: self.slower, leastAnswers: self.least))
            let document = try await client.edit(self.sale) { seen in
                try await client.call(
                    "PUT", "/v1/sales/\(self.sale)/staged", body, version: seen.version, as: RulesDocument.self)
            }
            self.common.show(document)
        }
    }

    struct Rollout: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go on with a staged rollout, hold it, roll it back, or finish it.",
            discussion: """
                go-on takes the next stage now, whatever was found; watch watches the present one once more; hold \
                keeps it there. roll-back gives every unit the old rules, as a new version; finish makes the new rules \
                the sale's at once. hold and watch need an operator, the others an admin.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Argument(help: "What to do: go-on, watch, hold, roll-back or finish.") var act: StagedRollout.Act

        func validate() throws { try RolloutBody(reason: self.common.reason).check() }

        func run() async throws {
            let client = try self.common.client()
            let document = try await client.edit(self.sale) { seen in
                try await client.call(
                    "POST", "/v1/sales/\(self.sale)/staged/\(self.act.rawValue)",
                    RolloutBody(reason: self.common.reason),
                    version: seen.version, as: RulesDocument.self)
            }
            self.common.show(document)
        }
    }
}

extension StagedRollout.Act: ExpressibleByArgument {}

extension CommonOptions {
    fileprivate func show(_ document: RulesDocument) {
        if self.json { return Output.json(document) }
        Output.line("\(Output.bold(document.sale))  configuration version \(document.version)")
        if document.alike { Output.line("  a lot is contested: every unit has the sale's own rules") }
        if let staged = document.staged { self.show(staged) }
        let rows = document.units.map { unit in
            [
                unit.unit, unit.region, unit.variant ?? (unit.hasNewRules ? "new rules" : "the sale's"),
                unit.limits.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "),
                Output.number(unit.figures.answered), Output.number(unit.figures.ordered), unit.figures.refusals,
                unit.figures.p50Microseconds.text, unit.figures.p99Microseconds.text,
            ]
        }
        let title = ["unit", "region", "rules", "limit by lot", "purchases", "orders", "refused", "p50", "p99"]
        for line in Output.table(title, rows) { Output.line(line) }
    }

    private func show(_ staged: RulesDocument.Staged) {
        let next = staged.next.map { "then \($0.rawValue)" } ?? "the last stage"
        Output.line(
            "  new rules, at \(staged.unit) first: stage \(staged.stage.rawValue), \(next); watched for "
                + "\(staged.watchedMilliseconds / 1_000) of \(staged.watchMilliseconds / 1_000) s")
        if !staged.reachesGates, staged.rules.touchesGates {
            Output.line(Output.dim("  gates serve a whole region: they get the new rules with the next stage"))
        }
        for (name, figures) in [("new gates", staged.newGates), ("old gates", staged.oldGates)] {
            guard let figures else { continue }
            Output.line("    \(name): \(Output.number(figures.ordered)) tokens, refused: \(figures.refusals)")
        }
        for (name, figures) in [("new", staged.new), ("old", staged.old), ("before", staged.before)] {
            Output.line(
                "    \(name): \(Output.number(figures.answered)) purchases, p99 \(figures.p99Microseconds.text)"
                    + (figures.refusals.isEmpty ? "" : ", refused: \(figures.refusals)"))
        }
        if let held = staged.held { Output.line(Output.red("  held: \(held.detail)")) }
    }
}

extension FiguresDocument {
    fileprivate var refusals: String {
        self.refused.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \(Output.number($0.value))" }
            .joined(separator: ", ")
    }
}

extension Int64? {
    /// A duration in microseconds.
    fileprivate var text: String { self.map { "\($0 / 1_000).\($0 % 1_000 / 100) ms" } ?? "" }
}
