import Testing
import TrancheAPI
import TrancheCore

@Suite("Rules of gates") struct GateRulesTests {
    typealias Rules = SaleConfig.GateRules

    private func refusal(_ sale: SaleConfig.Sale) -> String? {
        do { try SaleConfig(sales: [sale]).validate() } catch {
            #expect(error.code == "invalid_config" && error.status == 422)
            return error.detail
        }
        return nil
    }

    @Test("a sale without rules has the usual ones") func defaultsAreUsed() throws {
        let terms = GateSample.sale().gateTerms
        #expect(terms.userRate == RateLimit(perMinute: 100, burst: 10))
        #expect(terms.addressRate == RateLimit(perMinute: 300, burst: 10) && terms.lotRate == nil)
        #expect(terms.challenge == .none && terms.minimumAnswerMilliseconds == 1_000 && terms.tokenSeconds == 120)
        #expect(terms.delayMilliseconds == 0 && terms.rules.isEmpty && terms.workCost == ChallengeWork.defaultCost)
        #expect(terms.sessionRate == nil)
        #expect(GateTerms(Rules(perSessionPerMinute: 5)).sessionRate == RateLimit(perMinute: 5, burst: 4))
        #expect(terms.clockMilliseconds == 8_000 && terms.kinds == [])
        #expect(GateTerms(Rules(challenge: .question)).kinds == [.question, .work, .clock])
        #expect(GateTerms(Rules(challenge: .work, clockMilliseconds: 0)).kinds == [.work])
        #expect(self.refusal(GateSample.sale(gate: Rules(clockMilliseconds: 0))) == nil)
        #expect(terms.switches.hasEvents && terms.switches.hasEstimates && !terms.switches.isHarder)
        #expect(GateSample.sale().lots[0].policy == .open && !GateSample.sale().isDrawn)
        #expect(GateSample.sale(line: .lottery).isDrawn)
        #expect(try JSON.decode(Rules.self, from: "{}".utf8) == Rules())
    }

    @Test("the rules of a file are read as they stand") func fileIsRead() throws {
        let text = """
            {"rules":[{"id":"adults","kind":"level","atLeast":3,"mode":"observe"},
            {"id":"old","kind":"accountAge","atLeast":30},{"id":"club","kind":"member"},
            {"id":"vip","kind":"allowBuyers","list":"vip"},{"id":"bad","kind":"blockAddresses","list":"bad-nets"}],
            "perUserPerMinute":60,"perAddressPerMinute":200,"burst":5,"perLotPerSecond":1000,"challenge":"work",
            "workCost":50,"minimumAnswerMilliseconds":500,"tokenSeconds":60,"delayMilliseconds":100,
            "switches":{"events":false,"estimates":false,"harder":true}}
            """
        let rules = try JSON.decode(Rules.self, from: text.utf8)
        let sale = GateSample.sale(gate: rules, line: .lottery)
        #expect(self.refusal(sale) == nil)
        let terms = sale.gateTerms
        #expect(
            terms.rules == [
                GateRule(id: "adults", .level(atLeast: 3), mode: .observe), GateRule(id: "old", .accountAge(days: 30)),
                GateRule(id: "club", .member), GateRule(id: "vip", .allowBuyers(list: "vip")),
                GateRule(id: "bad", .blockAddresses(list: "bad-nets")),
            ])
        #expect(terms.userRate == RateLimit(perMinute: 60, burst: 5) && terms.workCost == 50)
        #expect(terms.lotRate == RateLimit(perSecond: 1_000, burst: 1_000) && terms.challenge == .work)
        #expect(!terms.switches.hasEvents && !terms.switches.hasEstimates && terms.switches.isHarder)
        #expect(try JSON.decode(SaleConfig.Sale.self, from: JSON.encode(sale)) == sale)
    }

    @Test(
        "a number beyond its limit is refused, and the refusal names both",
        arguments: [
            (Rules(perUserPerMinute: 1), "perUserPerMinute 1", "2...1000000"),
            (Rules(perUserPerMinute: 1_000_001), "perUserPerMinute 1000001", "2...1000000"),
            (Rules(perAddressPerMinute: -1), "perAddressPerMinute -1", "2...1000000"),
            (Rules(perSessionPerMinute: 1), "perSessionPerMinute 1", "2...100"),
            (Rules(perUserPerMinute: 50, perSessionPerMinute: 51), "perSessionPerMinute 51", "2...50"),
            (Rules(burst: 0), "burst 0", "1...10000"), (Rules(burst: 10_001), "burst 10001", "1...10000"),
            (Rules(burst: 100), "burst 100", "perUserPerMinute 100"),
            (Rules(perUserPerMinute: 1_000, perAddressPerMinute: 40, burst: 40), "burst 40", "perAddressPerMinute 40"),
            (Rules(perUserPerMinute: 10), "burst 10", "perUserPerMinute 10"),
            (Rules(perLotPerSecond: 0), "perLotPerSecond 0", "1...1000000"),
            (Rules(workCost: 0), "workCost 0", "1...10000"),
            (Rules(workCost: 10_001), "workCost 10001", "1...10000"),
            (Rules(minimumAnswerMilliseconds: -1), "minimumAnswerMilliseconds -1", "0...60000"),
            (Rules(clockMilliseconds: 999), "clockMilliseconds 999", "1000...60000"),
            (Rules(clockMilliseconds: 60_001), "clockMilliseconds 60001", "1000...60000"),
            (
                Rules(minimumAnswerMilliseconds: 5_000, clockMilliseconds: 4_000), "clockMilliseconds 4000",
                "minimumAnswerMilliseconds 5000"
            ),
            (Rules(tokenSeconds: 9), "tokenSeconds 9", "10...3600"),
            (Rules(tokenSeconds: 3_601), "tokenSeconds 3601", "10...3600"),
            (Rules(delayMilliseconds: 501), "delayMilliseconds 501", "0...500"),
        ])
    func numbersHaveLimits(rules: Rules, value: String, limit: String) {
        let refusal = self.refusal(GateSample.sale(gate: rules)) ?? ""
        #expect(refusal.contains(value) && refusal.contains(limit), "\(refusal)")
    }

    @Test(
        "a rule that means nothing is refused, and the refusal names it",
        arguments: [
            (Rules.Rule(id: "a", kind: .level), "atLeast (1...1000000) is missing"),
            (Rules.Rule(id: "a", kind: .level, atLeast: 0), "atLeast 0, which is not in 1...1000000"),
            (Rules.Rule(id: "a", kind: .accountAge, atLeast: 36_501), "atLeast 36501"),
            (Rules.Rule(id: "a", kind: .member, atLeast: 1), "has no atLeast (1)"),
            (Rules.Rule(id: "a", kind: .member, list: "vip"), "has no list (\"vip\")"),
            (Rules.Rule(id: "a", kind: .level, atLeast: 1, list: "vip"), "has no list (\"vip\")"),
            (Rules.Rule(id: "a", kind: .allowBuyers), "the name of its list is missing"),
            (Rules.Rule(id: "a", kind: .blockAddresses, atLeast: 3, list: "x"), "has no atLeast (3)"),
            (Rules.Rule(id: "a", kind: .allowBuyers, list: "../etc"), "\"../etc\""),
            (Rules.Rule(id: "a", kind: .allowBuyers, list: ""), "1...64 letters"),
            (Rules.Rule(id: "", kind: .member), "the id \"\""),
            (Rules.Rule(id: "a b", kind: .member), "the id \"a b\""),
            (Rules.Rule(id: String(repeating: "x", count: 65), kind: .member), "1...64 letters"),
        ])
    func rulesAreChecked(rule: Rules.Rule, part: String) {
        let refusal = self.refusal(GateSample.sale(gate: Rules(rules: [rule]))) ?? ""
        #expect(refusal.contains(part) && refusal.contains("drop"), "\(refusal)")
    }

    @Test("rules are few, and each has its own id") func rulesAreFew() {
        let many = (0..<65).map { Rules.Rule(id: "r\($0)", kind: .member) }
        #expect(self.refusal(GateSample.sale(gate: Rules(rules: many)))?.contains("65 rules, at most 64") == true)
        #expect(self.refusal(GateSample.sale(gate: Rules(rules: Array(many.dropLast())))) == nil)
        let twins = Rules(rules: [many[0], many[0]])
        #expect(self.refusal(GateSample.sale(gate: twins))?.contains("the id \"r0\"") == true)
    }

    @Test("a random delay is refused where the time of arrival decides") func delayIsRefusedWhereTimeDecides() {
        let rules = Rules(delayMilliseconds: 1)
        #expect(self.refusal(GateSample.sale(gate: rules, line: .firstCome))?.contains("first-come") == true)
        let contest = SaleConfig.Lot.Contest(when: .global)
        #expect(self.refusal(GateSample.sale(gate: rules, contest: contest))?.contains("global") == true)
        #expect(self.refusal(GateSample.sale(gate: rules, line: .lotteryThenFirstCome)) == nil)
        #expect(self.refusal(GateSample.sale(gate: Rules(delayMilliseconds: 0), line: .firstCome)) == nil)
        #expect(self.refusal(GateSample.sale(gate: Rules(challenge: .work), contest: contest)) == nil)
    }

    @Test("a lottery must start later: else nobody could enter it") func lotteryStartsLater() throws {
        let sale = GateSample.sale(line: .lottery)
        let start = Instant(milliseconds: sale.startsAtMilliseconds)
        try sale.checkLines(now: GateSample.now)
        let problem = #expect(throws: Problem.self) { try sale.checkLines(now: start) }
        #expect(problem?.code == "invalid_config" && problem?.detail.contains("lottery") == true)
        try sale.checkLines(opensAt: start.advanced(milliseconds: 1), now: start)
        for line in [LinePolicy.open, .firstCome, .lotteryThenFirstCome] {
            try GateSample.sale(line: line).checkLines(now: .distantFuture)
        }
    }

    @Test("rules can be edited while a sale runs, and the line only in a draft") func rulesCanBeEdited() throws {
        var open = GateSample.sale(line: .firstCome)
        (open.state, open.drawHash, open.drawSeed) = (.open, "hash", nil)
        var edit = open
        (edit.gate, edit.drawHash, edit.drawSeed) = (Rules(challenge: .work), "other", "seed")
        let edited = try open.edited(to: edit)
        #expect(edited.gate == edit.gate && edited.drawHash == "hash" && edited.drawSeed == nil)
        var other = GateSample.sale(line: .lottery)
        other.state = .open
        #expect(throws: Problem.self) { _ = try open.edited(to: other) }
        #expect(try GateSample.sale(line: .firstCome).edited(to: GateSample.sale(line: .open)).lots[0].policy == .open)
    }

    @Test("earlier rules of gates come back, the draw stays") func rulesComeBack() {
        var now = GateSample.sale(gate: Rules(challenge: .work))
        (now.state, now.drawHash) = (.open, "new")
        var before = GateSample.sale(gate: Rules(challenge: .question))
        (before.drawHash, before.drawSeed) = ("old", "seed")
        let next = SaleConfig(sales: [now]).withRules(of: SaleConfig(sales: [before])).sales[0]
        #expect(next.gate == before.gate && next.drawHash == "new" && next.drawSeed == nil)
    }

    @Test("the hash of the draw is published at the creation, and the seed when the sale is closed")
    func seedIsPublishedLate() throws {
        var random = TestRandom(1)
        let seed = DrawSeed(using: &random)
        var asked = GateSample.sale(line: .lottery)
        (asked.drawHash, asked.drawSeed) = ("mine", "mine")
        var config = SaleConfig(sales: [asked.created(tieKeyHash: "tie", drawHash: seed.hash)])
        #expect(config.sales[0].drawHash == seed.hash && config.sales[0].drawSeed == nil)
        for (step, state) in [(SaleState.Step.warm, SaleState.warming), (.open, .open), (.pause, .paused)] {
            config.take(step, to: state, at: 0, startsAtMilliseconds: nil, secret: nil, seed: seed)
            #expect(config.sales[0].drawSeed == nil)
        }
        config.take(.close, to: .closed, at: 0, startsAtMilliseconds: nil, secret: nil, seed: seed)
        #expect(config.sales[0].drawSeed == seed.text)
        config.take(.settle, to: .settled, at: 0, startsAtMilliseconds: nil, secret: "tie")
        #expect(config.sales[0].drawSeed == seed.text)
    }
}
