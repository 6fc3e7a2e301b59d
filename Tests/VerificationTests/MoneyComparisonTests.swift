import Testing
import TrancheAPI
import TrancheCore
import Verification

/// The ledgers' money beside the provider's.
@Suite("Comparison of money") struct MoneyComparisonTests {
    private static func id(_ number: UInt64) -> OrderID { OrderID(high: 0, low: number) }

    private func entry(
        _ order: UInt64, _ payment: String, _ amount: Int64 = 500, back: [(key: String, amount: Int64)] = [],
        state: RefundDocument.State = .done
    ) -> ProviderEntry {
        let refunds = back.map {
            RefundDocument(
                key: $0.key, order: Self.id(order), payment: PaymentID(payment)!, amount: $0.amount, currency: "EUR",
                state: state)
        }
        return ProviderEntry(
            charge: ChargeDocument(
                payment: PaymentID(payment)!, order: Self.id(order), amount: amount, currency: "EUR",
                refunded: refunds.reduce(0) { $0 + $1.amount }),
            refunds: refunds)
    }

    /// One order that was paid twice, and one that was paid too late.
    private var ledgers: [OrderID: BookedMoney] {
        [
            Self.id(1): BookedMoney(
                payments: ["a": 500, "b": 500],
                refunds: ["r:1": .init(payment: "b", amount: 500, isDone: true)], kept: 500),
            Self.id(2): BookedMoney(
                payments: ["c": nil], refunds: ["r:2": .init(payment: "c", amount: nil, isDone: true)]),
        ]
    }
    private var provider: [ProviderEntry] {
        [
            self.entry(1, "a"), self.entry(1, "b", back: [("r:1", 500)]), self.entry(2, "c", 700, back: [("r:2", 700)]),
        ]
    }

    @Test("equal books have no differences, and the sums of both") func equalBooks() {
        let comparison = MoneyComparison(ledgers: self.ledgers, provider: self.provider)
        #expect(comparison.isEqual, "\(comparison.findings)")
        #expect(comparison.rows.map(\.ledgers) == [3, 2, 1])
        #expect(comparison.rows.map(\.provider) == [3, 2, 1])
        #expect(comparison.rows.map(\.providerAmount) == [1_700, 1_200, 500])
        #expect(comparison.rows[2].ledgerAmount == 500)
    }

    @Test("each difference of one order is found") func differences() {
        let cases: [(name: String, provider: [ProviderEntry])] = [
            ("a payment is missing there", Array(self.provider.dropFirst())),
            ("a payment is missing here", self.provider + [self.entry(1, "x", back: [("r:9", 500)])]),
            ("an order is missing here", self.provider + [self.entry(3, "x")]),
            ("another amount", [self.entry(1, "a", 501)] + self.provider.dropFirst()),
            ("no refund", [self.provider[0], self.entry(1, "b"), self.provider[2]]),
            (
                "a refund of a part",
                [self.provider[0], self.entry(1, "b", back: [("r:1", 499)]), self.provider[2]]
            ),
            (
                "a refund that is not done",
                [self.provider[0], self.entry(1, "b", back: [("r:1", 500)], state: .pending), self.provider[2]]
            ),
            (
                "a refund twice",
                [self.entry(1, "a", back: [("r:7", 500)])] + self.provider.dropFirst()
            ),
        ]
        for one in cases {
            let comparison = MoneyComparison(ledgers: self.ledgers, provider: one.provider)
            #expect(comparison.differences == 1, "\(one.name)")
            #expect(comparison.findings.count == 1, "\(one.name)")
        }
    }

    @Test("money that is listed for a person may stay, also where another unit counts it; no other money may")
    func listedRefunds() {
        let listed = ["r:1": BookedMoney.Refund(payment: "a", amount: 500, isDone: false, isListed: true)]
        func differences(kept: Int64, _ provider: [ProviderEntry]) -> Int {
            let money = BookedMoney(payments: ["a": 500], refunds: listed, kept: kept)
            return MoneyComparison(ledgers: [Self.id(1): money], provider: provider).differences
        }
        #expect(differences(kept: 0, [self.entry(1, "a")]) == 0)
        #expect(differences(kept: 500, [self.entry(1, "a")]) == 0)
        #expect(differences(kept: 0, [self.entry(1, "a", back: [("r:1", 500)])]) == 1, "nobody may carry it out")
        #expect(differences(kept: 0, [self.entry(1, "a", 501)]) == 1)
    }

    @Test("a refund that the ledgers have as due is a difference") func dueRefunds() {
        var ledgers = self.ledgers
        ledgers[Self.id(1)]?.refunds["r:1"] = .init(payment: "b", amount: 500, isDone: false)
        let comparison = MoneyComparison(ledgers: ledgers, provider: self.provider)
        #expect(comparison.differences == 1)
        #expect(comparison.rows[1].ledgers == 1)
    }
}
