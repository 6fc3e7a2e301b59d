import Clusters
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore
import Verification

/// The outcome of a demo, from the files and from the crowd's own list.
struct DemoVerdict: Codable {
    let stock: Int
    let paid: Int
    let held: Int
    let unsold: Int
    let oversold: Int
    let acknowledged: Int
    let acknowledgedAndLost: Int
    let contradictions: Int
    let invariantsHold: Bool
    /// Processes that ended by themselves.
    let deaths: [String]
    /// Parts that did not work again after a fault.
    let unrepaired: [String]
    let isGood: Bool
    let staticSplitIdleAtFirstSoldOut: Int
    let staticSplitUnsold: Int
    /// The contest at the end of the sale; `nil` if there was none.
    let contest: FairnessReport?
    let latencyMilliseconds: [String: Double]
    let seconds: Double
    let seed: UInt64
    /// The visitors of the gates, by kind, and what their records say.
    let visitors: [String: VisitorFigures]
    let crowd: CrowdVerdict
    /// The ledgers beside the shop's book; `nil` without a shop.
    let books: BookComparison?
    /// The ledgers beside the provider's book; `nil` without a provider.
    let money: MoneyComparison?

    init(
        report: VerifyReport, fairness: FairnessReport?, outcome: DemoOutcome, stock: Int, isAlone: Bool,
        unrepaired: [String] = [], books: BookComparison? = nil, money: MoneyComparison? = nil
    ) {
        self.money = money
        self.unrepaired = unrepaired
        self.books = books
        self.contest = fairness
        let lot = report.lots.first
        self.stock = stock
        self.paid = lot?.paid ?? 0
        self.held = lot?.held ?? 0
        self.unsold = lot?.unsold ?? stock
        self.oversold = lot?.oversold ?? 0
        self.acknowledged = outcome.load.acknowledged.count
        let kept = report.checks.first { $0.invariant == "I4" }
        self.acknowledgedAndLost = kept?.verdict == .holds ? 0 : max(1, kept?.findings.count ?? 1)
        self.contradictions = outcome.load.contradictions.count
        self.invariantsHold = report.isSound
        let soldOut = self.paid + self.held == stock && self.unsold == 0
        self.deaths = outcome.deaths
        self.visitors = outcome.load.visitors
        self.crowd = CrowdVerdict(outcome.load, buyerLimit: DemoCommand.buyerLimit)
        self.isGood =
            outcome.deaths.isEmpty && unrepaired.isEmpty && (isAlone || soldOut) && self.oversold == 0
            && self.acknowledgedAndLost == 0 && self.contradictions == 0
            && report.isSound && self.crowd.isGood && books?.isEqual ?? true
            && money?.isEqual ?? true
        self.staticSplitIdleAtFirstSoldOut = outcome.split.idleThen.reduce(0, +)
        self.staticSplitUnsold = outcome.split.unsoldAtEnd
        self.latencyMilliseconds = outcome.load.latency
        self.seconds = outcome.seconds
        self.seed = outcome.seed
    }

    func print(_ layout: ClusterLayout, _ report: VerifyReport, _ outcome: DemoOutcome) {
        GateTable.print(outcome.load)
        CrowdTables.print(outcome.load)
        Output.line("\n" + Output.bold("From the ledgers:"))
        let rows = report.units.filter { $0.lot == report.lots.first?.lot }.map { unit in
            [
                unit.name, Output.number(outcome.load.offeredByUnit[unit.name] ?? 0),
                Output.number(unit.granted + unit.allocated - unit.returned),
                Output.number(unit.paid), Output.number(unit.held), Output.number(unit.expired),
            ]
        }
        for line in Output.table(
            ["region", "offered", "quota at the end", "paid", "held", "expired and sold again"], rows)
        { Output.line("  " + line) }
        Output.line("")
        report.print()
        if let contest {
            Output.line(
                "\n" + Output.bold("The last items")
                    + " were contested: they went to the buyers who came first, in any region.")
            contest.print()
        }
        let idle = zip(layout.units, outcome.split.idleThen).map { "\($0.name) \(Output.number($1))" }.joined(
            separator: ", ")
        Output.line("\n" + Output.bold("A static split") + " of the same stock, with the same crowd:")
        Output.line(
            "  the first region sells out after \(outcome.split.firstSoldOutSeconds) s and turns buyers away, while "
                + "\(Output.number(self.staticSplitIdleAtFirstSoldOut)) items lie idle elsewhere (\(idle));")
        Output.line(
            "  \(Output.number(self.staticSplitUnsold)) items are still unsold when the crowd has gone. Tranche: \(Output.number(self.unsold))."
        )
        let latency = self.latencyMilliseconds.sorted { $0.value < $1.value }.map { "\($0.key) \($0.value)" }.joined(
            separator: ", ")
        Output.line("\nlatency in ms, from the moment a buyer meant to ask: \(latency)")
        if let books { BookTable.print(books, money) }
        Output.line(
            """
            \(Output.bold("Verdict")): stock \(Output.number(self.stock)) = paid \(Output.number(self.paid)) + held \(Output.number(self.held)) \
            + unsold \(Output.number(self.unsold)); oversold \(self.oversold); \(Output.number(self.acknowledged)) orders acknowledged, \
            \(self.acknowledgedAndLost) lost
            """)
        CrowdTables.print(self.crowd)
        for death in self.deaths { Output.line(Output.red(death)) }
        for part in self.unrepaired { Output.line(Output.red("does not work again: \(part)")) }
        for contradiction in outcome.load.contradictions.prefix(5) {
            Output.line(Output.red("one token got two final answers: order \(contradiction)"))
        }
        Output.line(self.isGood ? Output.green("PASS") : Output.red("FAIL"))
    }
}
