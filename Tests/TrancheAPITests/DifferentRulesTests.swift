import Testing
import TrancheAPI
import TrancheCore

@Suite("Rules that differ by unit and region") struct DifferentRulesTests {
    typealias Variant = SaleConfig.Variant
    typealias Change = SaleConfig.RuleChange

    /// Units 1 and 2 in "eu", unit 3 in "us"; lots 1 and 2, of which 2 may have a contest of its own.
    static func config(
        _ state: SaleState = .open, variants: [Variant]? = nil, contest: SaleConfig.Lot.Contest.When? = nil,
        line: LinePolicy? = nil
    ) -> SaleConfig {
        func unit(_ id: UInt16, _ name: String, _ region: String) -> SaleConfig.Unit {
            .init(id: UnitID(id), name: name, region: region, publicURL: "http://a:1", internalURL: "http://a:2")
        }
        let lots = [1, 2].map { (id: UInt32) in
            SaleConfig.Lot(
                id: LotID(id), name: "lot \(id)", stock: 10, perBuyerLimit: 1, poolPermille: 0,
                contest: id == 2 ? contest.map { .init(when: $0) } : nil, line: id == 1 ? line : nil)
        }
        return SaleConfig(
            units: [unit(1, "eu-1", "eu"), unit(2, "eu-2", "eu"), unit(3, "us-1", "us")],
            sales: [
                SaleConfig.Sale(
                    id: "drop", name: "drop", state: state, startsAtMilliseconds: 1_000, endsAtMilliseconds: 61_000,
                    paymentWindowMilliseconds: 1_000, lots: lots, gate: .init(perUserPerMinute: 60),
                    variants: variants)
            ])
    }

    private static let two = Change(limits: ["1": 2])
    private static let work = Change(gate: .init(challenge: .work))

    private static func staged(_ rules: Change, at unit: String = "eu-1") -> SaleConfig.Staged {
        SaleConfig.Staged(
            rules: rules, unit: unit, terms: RolloutTerms(), stage: .unit, watchedSinceMilliseconds: 5, before: [:])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let variants: [Variant]
        let code: String
        /// What the message names.
        let named: String
        var state = SaleState.open
        var contest: SaleConfig.Lot.Contest.When?
        var line: LinePolicy?
        var testDescription: String { self.what }
    }

    static let bad: [Case] = [
        Case(
            what: "an unknown unit", variants: [Variant(name: "a", units: ["mars"], rules: two)], code: "unknown_unit",
            named: "mars"),
        Case(
            what: "an unknown region", variants: [Variant(name: "a", regions: ["mars"], rules: two)],
            code: "unknown_region", named: "mars"),
        Case(
            what: "a unit in two variants",
            variants: [
                Variant(name: "a", units: ["eu-1"], rules: two), Variant(name: "b", regions: ["eu"], rules: work),
            ], code: "variants_overlap", named: "eu-1"),
        Case(
            what: "units and regions", variants: [Variant(name: "a", units: ["eu-1"], regions: ["us"], rules: two)],
            code: "invalid_config", named: "variant a"),
        Case(what: "neither", variants: [Variant(name: "a", rules: two)], code: "invalid_config", named: "variant a"),
        Case(
            what: "a name with a space", variants: [Variant(name: "a b", regions: ["eu"], rules: two)],
            code: "invalid_config", named: "a b"),
        Case(
            what: "two of one name",
            variants: [
                Variant(name: "a", regions: ["eu"], rules: two), Variant(name: "a", regions: ["us"], rules: two),
            ], code: "invalid_config", named: "share a name"),
        Case(
            what: "rules of gates for units", variants: [Variant(name: "a", units: ["eu-1"], rules: work)],
            code: "gates_serve_regions", named: "variant a"),
        Case(
            what: "an unknown lot", variants: [Variant(name: "a", regions: ["eu"], rules: Change(limits: ["9": 2]))],
            code: "invalid_config", named: "\"9\""),
        Case(
            what: "a limit of 0", variants: [Variant(name: "a", regions: ["eu"], rules: Change(limits: ["1": 0]))],
            code: "invalid_config", named: "limit 0"),
        Case(
            what: "nothing that changes", variants: [Variant(name: "a", regions: ["eu"], rules: Change())],
            code: "invalid_config", named: "changes no rule"),
        Case(
            what: "the life of tokens",
            variants: [Variant(name: "a", regions: ["eu"], rules: Change(gate: .init(tokenSeconds: 60)))],
            code: "invalid_config", named: "tokenSeconds"),
        Case(
            what: "a burst beyond the sale's own limit",
            variants: [Variant(name: "a", regions: ["eu"], rules: Change(gate: .init(burst: 60)))],
            code: "invalid_config", named: "gate.burst 60"),
        Case(
            what: "the limit of a lot that is contested from the start",
            variants: [Variant(name: "a", regions: ["eu"], rules: Change(limits: ["2": 2]))], code: "contested_lot",
            named: "lot 2", contest: .global),
        Case(
            what: "rules of gates of a sale with such a lot",
            variants: [Variant(name: "a", regions: ["eu"], rules: work)],
            code: "contested_lot", named: "lot 2", contest: .global),
        Case(
            what: "two kinds of lines",
            variants: [Variant(name: "a", regions: ["eu"], rules: Change(lines: ["1": .lottery]))],
            code: "invalid_config", named: "first-come, lottery", state: .draft, line: .firstCome),
        Case(
            what: "a line after the draft",
            variants: [Variant(name: "a", regions: ["eu"], rules: Change(lines: ["1": .firstCome]))],
            code: "invalid_config", named: "fixed after the draft", state: .warming),
        Case(
            what: "a closed sale", variants: [Variant(name: "a", regions: ["eu"], rules: two)], code: "wrong_state",
            named: "closed", state: .closed),
        Case(
            what: "17 variants", variants: (0..<17).map { Variant(name: "v\($0)", units: ["eu-1"], rules: two) },
            code: "invalid_config", named: "at most 16"),
    ]

    /// As the center does it.
    private static func set(_ variants: [Variant], _ config: SaleConfig) throws -> SaleConfig {
        var config = config
        config.sales[0] = try config.sales[0].with(variants)
        try config.sales[0].validateDifferentRules(config, namesMayBeUnknown: false)
        try config.validate()
        return config
    }

    @Test("what cannot differ is refused, and the message names it", arguments: Self.bad)
    func refusals(_ one: Case) throws {
        let config = Self.config(one.state, contest: one.contest, line: one.line)
        let problem = #expect(throws: Problem.self) { try Self.set(one.variants, config) }
        #expect(problem?.code == one.code, "\(problem?.detail ?? "")")
        #expect(problem?.detail.contains(one.named) == true, "\(problem?.detail ?? "")")
    }

    @Test(
        "a field that may not differ is refused by its name",
        arguments: [
            (#"{"variants": [{"name": "a", "regions": ["eu"], "rules": {"stock": 5}}]}"#, "stock"),
            (
                #"{"variants": [{"name": "a", "regions": ["eu"], "rules": {"gate": {"tokenSeconds": 60}}}]}"#,
                "tokenSeconds"
            ),
            (#"{"variants": [{"name": "a", "region": ["eu"], "rules": {"limits": {"1": 2}}}]}"#, "region"),
            (#"{"variants": [], "version": 3}"#, "version"),
        ])
    func fields(_ text: String, _ name: String) {
        let problem = #expect(throws: Problem.self) { try RuleFields.checkVariants(Array(text.utf8)) }
        #expect(problem?.code == "unknown_field" && problem?.detail.contains("\"\(name)\"") == true)
    }

    @Test("the fields that may differ are taken") func goodFields() throws {
        let text =
            #"{"variants": [{"name": "a", "regions": ["eu"], "rules": {"gate": {"challenge": "work", "#
            + #""switches": {"harder": true}}, "limits": {"1": 2}, "lines": {"1": "open"}}}]}"#
        try RuleFields.checkVariants(Array(text.utf8))
        let staged = #"{"unit": "eu-1", "terms": {"watchMilliseconds": 5}, "rules": {"limits": {"1": 2}}}"#
        try RuleFields.checkStaged(Array(staged.utf8))
        let problem = #expect(throws: Problem.self) {
            try RuleFields.checkStaged(Array(staged.replacing("limits", with: "startsAtMilliseconds").utf8))
        }
        #expect(problem?.code == "unknown_field")
    }

    @Test("each unit and each gate finds its own rules in the one configuration")
    func everybodyFindsTheirRules() throws {
        let config = try Self.set(
            [
                Variant(name: "two", units: ["eu-2"], rules: Self.two),
                Variant(name: "work", regions: ["us"], rules: Self.work),
            ], Self.config())
        func limits(_ unit: UInt16) -> [Int] { config.rules(at: UnitID(unit)).map(\.buyerLimit) }
        #expect(limits(1) == [1, 1] && limits(2) == [2, 1] && limits(3) == [1, 1])
        #expect(config.rules(at: UnitID(2)).map(\.contestLimit) == [1, 1], "a contest has one limit in all units")
        #expect(limits(77) == [1, 1], "a unit that is not known has the sale's")
        func gate(_ region: String) -> SaleConfig.GateRules? { config.seen(byGatesOf: region).sales[0].gate }
        #expect(gate("us")?.challenge == .work && gate("us")?.perUserPerMinute == 60, "the rest is the sale's")
        #expect(gate("eu")?.challenge == nil && gate("mars")?.challenge == nil)
        #expect(config.sales[0].highestLimit(of: config.sales[0].lots[0]) == 2)
        var alike = config
        alike.sales[0].rulesAlike = true
        #expect(alike.rules(at: UnitID(2)) == alike.rules && alike.seen(byGatesOf: "us") == alike)
        #expect(alike.sales[0].highestLimit(of: alike.sales[0].lots[0]) == 2, "orders by the variant stay valid")
    }

    @Test("where some regions have a line, it is the lot's one line") func oneLine() throws {
        let variant = Variant(name: "line", regions: ["us"], rules: Change(lines: ["1": .lottery]))
        let config = try Self.set([variant], Self.config(.draft))
        let sale = config.sales[0]
        #expect(sale.linePolicy(of: sale.lots[0]) == .lottery && sale.linePolicy(of: sale.lots[1]) == .open)
        #expect(sale.isDrawn, "its seed is published")
        #expect(config.seen(byGatesOf: "us").sales[0].lots[0].policy == .lottery)
        #expect(config.seen(byGatesOf: "eu").sales[0].lots[0].policy == .open)
        #expect(throws: Problem.self) { try sale.checkLines(now: Instant(milliseconds: 1_000)) }
    }

    @Test("stages change which units have the new rules, and a rollback is the old content") func stages() throws {
        var config = Self.config()
        let old = config.sales[0]
        config.sales[0] = try old.beginning(Self.staged(Self.two))
        try config.validate()
        let names = UnitNames(config)
        func limits() -> [Int] { [1, 2, 3].map { config.rules(at: UnitID($0))[0].buyerLimit } }
        #expect(limits() == [2, 1, 1])
        config.sales[0] = try config.sales[0].taking(.stage(.region), names, now: Instant(milliseconds: 9))
        #expect(limits() == [2, 2, 1] && config.sales[0].staged?.watchedSinceMilliseconds == 9)
        let held = try config.sales[0].taking(.hold(.unheard(UnitID(2))), names, now: Instant(milliseconds: 10))
        #expect(held.staged?.held?.code == "unit_unheard" && held.staged?.held?.detail.contains("eu-2") == true)
        #expect(held.staged?.stage == .region && held.rulesAlike == nil)
        #expect(try held.taking(.watch, names, now: Instant(milliseconds: 11)).staged?.held == nil)
        config.sales[0] = try held.taking(.stage(.all), names, now: Instant(milliseconds: 12))
        #expect(limits() == [2, 2, 2] && config.sales[0].lots[0].perBuyerLimit == 1)
        #expect(try config.sales[0].taking(.rollBack, names, now: Instant(milliseconds: 13)) == old)
        let done = try config.sales[0].taking(.finish, names, now: Instant(milliseconds: 13))
        #expect(done.staged == nil && done.lots[0].perBuyerLimit == 2 && done.lots[1] == old.lots[1])
    }

    @Test("one rollout at a time, of an open sale without variants, that changes something") func oneRollout() throws {
        func code(_ body: () throws -> Void) -> String? { #expect(throws: Problem.self) { try body() }?.code }
        let open = Self.config().sales[0]
        let staged = try open.beginning(Self.staged(Self.two))
        #expect(code { _ = try staged.beginning(Self.staged(Self.two)) } == "rollout_under_way")
        #expect(code { _ = try staged.with([]) } == "rollout_under_way")
        for state in SaleState.allCases where state != .open {
            #expect(code { _ = try Self.config(state).sales[0].beginning(Self.staged(Self.two)) } == "wrong_state")
        }
        #expect(code { _ = try open.beginning(Self.staged(Change(limits: ["1": 1]))) } == "invalid_config")
        #expect(code { _ = try open.taking(.rollBack, UnitNames(SaleConfig()), now: .distantPast) } == "no_rollout")
        func validated(_ staged: SaleConfig.Staged, variants: [Variant]? = nil) throws {
            var config = Self.config(variants: variants)
            config.sales[0] = try config.sales[0].beginning(staged)
            try config.validate()
        }
        #expect(code { try validated(Self.staged(Self.two, at: "mars")) } == "unknown_unit")
        #expect(
            code {
                try validated(Self.staged(Self.two), variants: [Variant(name: "a", regions: ["us"], rules: Self.two)])
            }
                == "rules_differ")
        #expect(code { try validated(Self.staged(Change(lines: ["1": .firstCome]))) } == "invalid_config")
        let short = SaleConfig.Staged(
            rules: Self.two, unit: "eu-1", terms: RolloutTerms(watchMilliseconds: 999), stage: .unit,
            watchedSinceMilliseconds: 0, before: [:])
        #expect(code { try validated(short) } == "invalid_config")
        try validated(Self.staged(Self.two))
    }

    @Test("while new rules are on their way, edits change no other rules, and an older version ends the rollout")
    func editsDuringARollout() throws {
        let staged = try Self.config().sales[0].beginning(Self.staged(Self.two))
        var edit = staged
        edit.lots[1].perBuyerLimit = 5
        let problem = #expect(throws: Problem.self) { try staged.edited(to: edit) }
        #expect(problem?.code == "rollout_under_way")
        edit = staged
        (edit.staged, edit.name) = (nil, "new")
        edit.gate = SaleConfig.GateRules(switches: .init(harder: true)).over(staged.gate)
        let edited = try staged.edited(to: edit)
        #expect(edited.staged == staged.staged && edited.name == "new" && edited.gateTerms.switches.isHarder)
        var config = Self.config()
        config.sales[0] = staged
        #expect(config.withRules(of: Self.config()).sales[0].staged == nil)
    }

    @Test("a contest makes the rules alike, and then nothing may differ") func contestMakesAlike() throws {
        let names = UnitNames(SaleConfig())
        let staged = try Self.config().sales[0].beginning(Self.staged(Self.two))
        let alike = try staged.taking(.hold(.contested(LotID(1))), names, now: .distantPast)
        #expect(alike.rulesAlike == true && !alike.hasDifferentRules && alike.staged?.held?.code == "contested_lot")
        let back = try alike.taking(.rollBack, names, now: .distantPast)
        let again = #expect(throws: Problem.self) { try back.beginning(Self.staged(Self.two)) }
        #expect(again?.code == "contested_lot")
        let variants = [Variant(name: "a", regions: ["us"], rules: Self.two)]
        let varied = #expect(throws: Problem.self) { try back.with(variants) }
        #expect(varied?.code == "contested_lot")
        #expect(try back.with([]).variants == nil)
    }

    @Test("a configuration without these fields reads as before, and one with them comes back as it was")
    func documentsStayReadable() throws {
        let old =
            #"{"id":"s","name":"s","state":"open","startsAtMilliseconds":1,"endsAtMilliseconds":2,"#
            + #""paymentWindowMilliseconds":100,"lots":[]}"#
        let sale = try JSON.decode(SaleConfig.Sale.self, from: Array(old.utf8))
        #expect(sale.variants == nil && sale.staged == nil && sale.rulesAlike == nil && sale.results == nil)
        #expect(!String(decoding: JSON.encode(sale), as: UTF8.self).contains("staged"))
        var config = Self.config()
        config.sales[0] = try config.sales[0].beginning(Self.staged(Self.two))
        #expect(try JSON.decode(SaleConfig.self, from: JSON.encode(config)) == config)
    }
}
