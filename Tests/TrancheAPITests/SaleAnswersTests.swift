import Testing
import TrancheAPI
import TrancheCore

@Suite("Refusals of the rules of sales, for operators") struct SaleAnswersTests {
    private static let config = SaleConfig(units: [
        .init(id: UnitID(1), name: "eu-a", region: "eu", publicURL: "http://a", internalURL: "http://a"),
        .init(id: UnitID(2), name: "us-a", region: "us", publicURL: "http://b", internalURL: "http://b"),
    ])

    @Test(
        "a refused settlement names the unit, has a stable code, and says what to do next",
        arguments: [
            (
                Settlement.Refusal.stranded(UnitID(1), LotID(7), Generation(2), quantity: 5), "stranded",
                "`tranche quota settle --lot 7 --unit eu-a --generation 2`, then repeat"
            ),
            (
                .undercounted(UnitID(1), LotID(7), Generation(2), settled: 3, shown: 4), "unsettled",
                "1 more were sold than settled: find the orders with `tranche verify`"
            ),
            (.silent(UnitID(1), LotID(7), held: 5), "not_reported", "if it is lost, strand its quota with POST"),
            (.behind(UnitID(1), version: 6), "not_reported", "has not applied version 6 yet: repeat in a moment"),
            (.untold(UnitID(1), LotID(7)), "not_reported", "has not reported lot 7 yet: repeat in a moment"),
            (.allocating(UnitID(1), LotID(7), quantity: 2), "not_reported", "2 of lot 7 that its contest allocated"),
            (.reserved(UnitID(1), LotID(7), quantity: 2), "unsettled", "2 of lot 7 are still reserved: wait for"),
        ])
    func refusedSettlementSaysWhatToDo(refusal: Settlement.Refusal, code: String, advice: String) {
        let problem = Problem(refusal, UnitNames(Self.config))
        #expect(problem.status == 409 && problem.code == code)
        #expect(problem.detail.hasPrefix("eu-a") && problem.detail.contains(advice))
    }

    @Test("an unknown unit is named by its number, and a removed unit keeps its name in the rollout")
    func unknownUnitIsNamedByNumber() {
        var names = UnitNames(Self.config)
        #expect(names[UnitID(3)] == "unit 3")
        names.add(SaleConfig())
        var rollout = Rollout(version: 1, units: [UnitID(1)])
        rollout.took(UnitID(1), version: 1)
        rollout.refused(.init(unit: UnitID(2), reason: "no"), version: 1)
        let document = RolloutDocument(rollout, names)
        #expect(document.applied == ["eu-a": 1] && document.refusal == "us-a: no" && document.version == 1)
    }

    @Test("the text about a drained unit without quota names the command that ends the drain")
    func drainedUnitTextNamesCommand() {
        var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
        var records: [AuthorityRecord] = []
        let now = Instant(milliseconds: 1)
        let request = RegisterRequest(
            unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1), head: .empty,
            session: 1, answer: nil)
        _ = authority.register(request, now: now, into: &records)
        let report = UnitReport(
            unit: UnitID(1), ledger: LedgerID(1), incarnation: Incarnation(1), generation: Generation(1), session: 1,
            head: .empty, nonce: 1, lots: [])
        _ = authority.report(report, now: now, into: &records)
        _ = try? authority.setDrained(UnitID(1), true, into: &records)
        let lot = PlannedLot(
            lot: LotID(7), stock: 10, start: .never, terms: ContestTerms(policy: .stamp, waitlist: 0),
            parts: [.init(unit: UnitID(1), quantity: 5)])
        let readiness = SaleReadiness(
            [lot], rollout: Rollout(version: 3, units: [UnitID(1), UnitID(2)]), authority, now: now)
        #expect(
            Readiness(readiness, UnitNames(Self.config)).missing == [
                "eu-a has not applied version 3",
                "eu-a holds 0 of 5 of lot 7, because it is drained: `tranche unit drain eu-a --off`",
                "eu-a has not loaded lot 7 into Redis", "us-a does not report",
            ])
    }
}
