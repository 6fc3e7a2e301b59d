import Terminal
import TrancheAPI
import TrancheCore
import Verification

/// What a storm of payments came to.
struct PaymentReport: Codable {
    let events: Int
    let orders: Int
    /// Callbacks by the status of their last answer.
    let answers: [String: Int]
    /// Forged callbacks that were not refused.
    let forgedTaken: Int
    let kills: Int
    /// Of payments that came after their reservation: orders that were revived, and payments that came back.
    let revived: Int
    let lateRefunded: Int
    /// Refunds in the ledger, and those of them that are done there; and done refunds at the provider, each under a key
    /// of its own.
    let refundsDue: Int
    /// Of payments for unknown orders: nobody carries them out by himself.
    let refundsListed: Int
    let refundsDone: Int
    let refundsThere: Int
    let money: MoneyComparison
    let invariantsHold: Bool
    let isSettled: Bool
    let deliveriesPerSecond: Double
    let seconds: Double
    let isGood: Bool

    init(
        settings: PaymentStorm.Settings, orders: Int, provider: [ProviderEntry], lateCharges: [ChargeDocument],
        verifier: Verifier, answers: [Int: Int], forgedTaken: Int, kills: Int, isSettled: Bool,
        deliveriesPerSecond: Double, seconds: Double
    ) {
        self.events = provider.count
        (self.orders, self.forgedTaken, self.kills) = (orders, forgedTaken, kills)
        self.answers = Dictionary(uniqueKeysWithValues: answers.map { ("\($0.key)", $0.value) })
        let late = Set(lateCharges.map(\.payment))
        let ends = provider.filter { late.contains($0.charge.payment) }
        self.revived = ends.count { $0.refunds.isEmpty }
        self.lateRefunded = ends.count - self.revived
        let ledgers = verifier.bookedMoney
        let refunds = ledgers.values.flatMap(\.refunds.values)
        (self.refundsListed, self.refundsDone) = (refunds.count(where: \.isListed), refunds.count(where: \.isDone))
        self.refundsDue = refunds.count - self.refundsListed
        let there = provider.flatMap(\.refunds).filter { $0.state == .done }
        self.refundsThere = there.count
        self.money = MoneyComparison(ledgers: ledgers, provider: provider)
        self.invariantsHold = verifier.report().isSound
        (self.isSettled, self.deliveriesPerSecond, self.seconds) = (isSettled, deliveriesPerSecond, seconds)
        self.isGood =
            self.money.isEqual && self.invariantsHold && isSettled && forgedTaken == 0
            && self.refundsDone == self.refundsDue && self.refundsThere == self.refundsDue
            && Set(there.map(\.key)).count == there.count
    }

    func print() {
        Output.line(
            """
            \(Output.number(self.events)) payments for \(Output.number(self.orders)) orders, each told three times in a drawn \
            order; \(self.kills) times kill -9
            """)
        let codes = self.answers.sorted { $0.key < $1.key }.map { "\($0.key): \(Output.number($0.value))" }
        Output.line(
            "callbacks by their last answer: \(codes.joined(separator: ", ")); \(self.forgedTaken) forged ones were taken"
        )
        Output.line(
            """
            of late payments \(Output.number(self.revived)) revived their order, \(Output.number(self.lateRefunded)) came back
            refunds: \(Output.number(self.refundsDue)) due, \(Output.number(self.refundsDone)) done in the ledger, \
            \(Output.number(self.refundsThere)) done at the provider; \(Output.number(self.refundsListed)) for a person
            """)
        let rows = self.money.rows.map { row in
            [
                row.name, Output.number(row.ledgers), Output.number(Int(row.ledgerAmount)), Output.number(row.provider),
                Output.number(Int(row.providerAmount)),
            ]
        }
        for line in Output.table(["", "in the ledger", "minor units", "at the provider", "minor units"], rows) {
            Output.line("  " + line)
        }
        for finding in self.money.findings { Output.line("  " + Output.red(finding)) }
        if !self.isSettled { Output.line(Output.red("not every refund was done in time")) }
        if !self.invariantsHold { Output.line(Output.red("an invariant is broken: tranche verify says which")) }
        Output.line("\(self.money.differences) differences; all in \(Int(self.seconds)) s")
        Output.line(self.isGood ? Output.green("PASS") : Output.red("FAIL"))
    }
}
