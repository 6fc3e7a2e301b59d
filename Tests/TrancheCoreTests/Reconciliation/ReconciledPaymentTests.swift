import Testing
import TrancheCore

@Suite("Differences of payments") struct ReconciledPaymentTests {
    private static let id = OrderID(high: 1, low: 1)

    private let order = Order(
        id: Self.id, buyer: BuyerID("b")!, lot: LotID(1), quantity: 1, buyerLimit: 1, generation: Generation(1),
        stamp: Stamp(rawValue: 1), deadline: Instant(milliseconds: 1_000_000))

    private var paid: [LedgerEntry] { [.reserved(self.order), .confirmed(self.order, payment: PaymentID("a")!)] }
    private var expired: [LedgerEntry] { [.reserved(self.order), .released(self.order, state: .expired)] }

    private func due(_ payment: String) -> LedgerEntry {
        .refundDue(Self.id, payment: PaymentID(payment)!, reason: .alreadyPaid)
    }

    /// - Parameters:
    ///   - provider: Lines such as "+a" for a charge of payment a, "-a" for its refund, "+" and "-" without a name.
    ///   - shop: The shop's state of the order; there is no list if it is `nil`.
    private func differences(
        _ entries: [LedgerEntry], _ provider: [String], shop: ListedOrder.State? = nil, owed: OrderState? = nil
    ) -> [Difference] {
        var table = Reconciliation()
        for (place, entry) in entries.enumerated() { table.take(entry, of: UnitID(3), at: UInt64(place + 1)) }
        table.expectProvider()
        for line in provider {
            table.takeProvider(
                ListedOrder(
                    order: Self.id, state: line.hasPrefix("+") ? .paid : .refunded,
                    payment: PaymentID(String(line.dropFirst()))))
        }
        if let shop {
            table.expectShop()
            table.takeShop(ListedOrder(order: Self.id, state: shop))
        }
        if let owed {
            var order = self.order
            order.state = owed
            table.takeOwed(order, of: UnitID(3))
        }
        return table.differences(ended: [], now: Instant(milliseconds: 1))
    }

    private func kinds(
        _ entries: [LedgerEntry], _ provider: [String], shop: ListedOrder.State? = nil, owed: OrderState? = nil
    ) -> [Difference.Kind] { self.differences(entries, provider, shop: shop, owed: owed).map(\.kind) }

    @Test("a second charge of a paid order is unknown, with its name, unless it was given back") func secondCharge() {
        let found = self.differences(self.paid, ["+a", "+b"])
        #expect(found.map(\.kind) == [.chargedUnknown])
        #expect(found.first?.detail == "paid here, and the provider charged payment b")
        #expect(self.kinds(self.paid, ["+a", "+a"]) == [.chargedUnknown], "the same name twice")
        #expect(self.kinds(self.paid, ["+", "+"]) == [.chargedUnknown])
        #expect(self.kinds(self.paid, ["+a", "+b", "-b"]).isEmpty)
        #expect(self.kinds(self.paid, ["+a", "+b", "-"]).isEmpty)
        #expect(self.kinds(self.paid, ["+a", "+a", "-a"]).isEmpty)
    }

    @Test("a charge under another name is unknown, and the ledger's payment is not charged") func anotherName() {
        #expect(self.kinds(self.paid, ["+b"]) == [.notCharged, .chargedUnknown])
        #expect(self.kinds(self.paid, ["+"]).isEmpty, "a line without a name stands for any")
        #expect(self.kinds(self.paid, []) == [.notCharged])
    }

    @Test("the payment of a paid order that went back is a difference, unless the shop says so")
    func paidWasRefunded() {
        for lines in [["+a", "-a"], ["+a", "-"], ["+", "-"], ["-a"], ["-"]] {
            #expect(self.kinds(self.paid, lines, shop: .paid) == [.refundedUnknown], "\(lines)")
            #expect(self.kinds(self.paid, lines, shop: .refunded).isEmpty, "\(lines)")
            #expect(self.kinds(self.paid, lines).isEmpty, "without the shop's list nobody says what it knows: \(lines)")
        }
        #expect(self.kinds(self.paid + [self.due("q")], ["+a", "+q", "-"], shop: .paid).isEmpty, "the refund is of q")
        #expect(self.kinds(self.paid + [self.due("q")], ["+a", "+q", "-q", "-"], shop: .paid) == [.refundedUnknown])
    }

    @Test("a refund that is due hides no other charge") func refundDueHidesNothing() {
        let expired = self.expired + [self.due("a")]
        #expect(self.kinds(expired, ["+a", "+b"]) == [.chargedUnknown, .refundDue])
        #expect(self.kinds(expired, ["+a", "+b", "-a"]) == [.chargedUnknown])
        #expect(self.kinds(expired, ["+a", "+a", "-a"]) == [.chargedUnknown])
        #expect(self.kinds(expired, ["+a", "-a"]).isEmpty)
        #expect(self.kinds([self.due("a")], ["+a", "-a", "+b"]) == [.chargedUnknown], "of an order that is not known")
        #expect(self.kinds(self.expired, ["+a", "+b"]) == [.toldNotPaid, .toldNotPaid], "no payment is known")
    }

    @Test("an order that a replaced ledger has as paid explains one charge") func owedIsCharged() {
        let entries = self.expired + [self.due("q")]
        #expect(self.kinds(entries, ["+q", "-q", "+a"], owed: .paid) == [.owed])
        #expect(self.kinds(entries, ["+q", "-q", "+a", "+b"], owed: .paid) == [.chargedUnknown, .owed])
    }
}
