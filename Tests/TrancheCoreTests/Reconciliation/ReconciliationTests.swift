import Testing
import TrancheCore

@Suite("Differences between ledgers and lists") struct ReconciliationTests {
    private static let (lot, unit) = (LotID(1), UnitID(3))
    private static let end = Instant(milliseconds: 1_000_000)

    private func id(_ number: UInt64) -> OrderID { OrderID(high: 1, low: number) }

    private func order(_ number: UInt64, lot: LotID = Self.lot) -> Order {
        Order(
            id: self.id(number), buyer: BuyerID("b\(number)")!, lot: lot, quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Self.end)
    }

    private func pay(_ number: UInt64) -> LedgerEntry {
        .confirmed(self.order(number), payment: PaymentID("p\(number)")!)
    }

    /// A ledger with these entries, from position 1.
    private func table(_ entries: [LedgerEntry]) -> Reconciliation {
        var table = Reconciliation()
        for (place, entry) in entries.enumerated() { table.take(entry, of: Self.unit, at: UInt64(place + 1)) }
        return table
    }

    private func differences(
        _ table: Reconciliation, lots: Set<LotID>? = nil, ended: Set<LotID> = [], now: Instant = Self.end
    ) -> [Difference] { table.differences(lots: lots, ended: ended, now: now) }

    private func kinds(_ table: Reconciliation, ended: Set<LotID> = [], now: Instant = Self.end) -> [Difference.Kind] {
        self.differences(table, ended: ended, now: now).map(\.kind)
    }

    private func listed(
        _ number: UInt64, _ state: ListedOrder.State, amount: Int? = nil, payment: String? = nil
    ) -> ListedOrder {
        ListedOrder(order: self.id(number), state: state, amount: amount, payment: payment.flatMap(PaymentID.init))
    }

    @Test("lists that agree with the ledgers give none") func agreementGivesNone() {
        var table = self.table([
            .reserved(self.order(1)), self.pay(1), .reserved(self.order(2)), .released(self.order(2), state: .expired),
            .refundDue(self.id(2), payment: PaymentID("p2")!, reason: .orderOver), .reserved(self.order(3)),
            .contested(self.order(4), uncertaintyMicroseconds: 0),
        ])
        table.expectShop()
        table.expectProvider()
        for line in [
            self.listed(1, .paid, amount: 500), self.listed(2, .over), self.listed(3, .open), self.listed(4, .open),
        ] { table.takeShop(line) }
        for line in [
            self.listed(1, .paid, amount: 500, payment: "p1"), self.listed(2, .paid, payment: "p2"),
            self.listed(2, .refunded, payment: "p2"),
        ] { table.takeProvider(line) }
        #expect(self.differences(table).isEmpty)
    }

    @Test(
        "paid, and the shop was not told: with the event that tells it",
        arguments: [nil, ListedOrder.State.open, .over])
    func paidNotTold(state: ListedOrder.State?) throws {
        var table = self.table([.reserved(self.order(1)), self.pay(1)])
        table.expectShop()
        if let state { table.takeShop(self.listed(1, state)) }
        let found = self.differences(table)
        #expect(found.map(\.kind) == [.paidNotTold])
        let place = OutboxPlace(generation: Generation(1), position: 2, index: 0)
        #expect(found[0].repair == .replay(place))
        #expect(found[0].lot == Self.lot)
    }

    @Test("without the shop's list nobody says what the shop knows") func noListSaysNothing() {
        #expect(self.kinds(self.table([.reserved(self.order(1)), self.pay(1)])).isEmpty)
    }

    @Test("told as paid by the shop, or charged by the provider, and the ledger does not know") func toldNotPaid() {
        var shop = self.table([.reserved(self.order(1)), .released(self.order(1), state: .cancelled)])
        var provider = shop
        shop.takeShop(self.listed(1, .paid))
        #expect(self.kinds(shop) == [.toldNotPaid])
        provider.takeProvider(self.listed(1, .paid))
        #expect(self.kinds(provider) == [.toldNotPaid])
        provider.takeProvider(self.listed(1, .refunded))
        #expect(self.kinds(provider).isEmpty, "the charge was given back")
    }

    @Test("paid by the ledger, and the provider has no charge") func notCharged() {
        var table = self.table([.reserved(self.order(1)), self.pay(1)])
        table.expectProvider()
        #expect(self.kinds(table) == [.notCharged])
        table.takeProvider(self.listed(1, .paid))
        #expect(self.kinds(table).isEmpty)
    }

    @Test("a refund that is due stays due until the list that counts has it") func refundDue() throws {
        var table = self.table([
            .reserved(self.order(1)), self.pay(1),
            .refundDue(self.id(1), payment: PaymentID("q")!, reason: .alreadyPaid),
        ])
        #expect(self.differences(table).isEmpty, "without a list nobody says what was given back")
        table.expectShop()
        table.takeShop(self.listed(1, .paid))
        var found = self.differences(table)
        #expect(found.map(\.kind) == [.refundDue])
        #expect(found[0].repair == .replay(OutboxPlace(generation: Generation(1), position: 3, index: 0)))
        table.takeShop(self.listed(1, .refunded, payment: "another"))
        #expect(self.kinds(table) == [.refundDue], "another payment was given back")
        table.takeShop(self.listed(1, .refunded, payment: "q"))
        #expect(self.kinds(table).isEmpty)
        table.expectProvider()
        table.takeProvider(self.listed(1, .paid))
        found = self.differences(table)
        #expect(found.map(\.kind) == [.refundDue], "the provider's list counts, if there is one")
        table.takeProvider(self.listed(1, .refunded))
        #expect(self.kinds(table).isEmpty, "a line without a payment stands for any")
    }

    @Test("one payment that went back twice, and more refunds than payments") func refundedTwice() {
        var table = self.table([
            .reserved(self.order(1)), .released(self.order(1), state: .expired),
            .refundDue(self.id(1), payment: PaymentID("p")!, reason: .orderOver),
        ])
        table.expectProvider()
        for _ in 0..<2 { table.takeProvider(self.listed(1, .refunded)) }
        #expect(self.kinds(table) == [.refundedTwice])
        var named = self.table([
            .reserved(self.order(1)), self.pay(1),
            .refundDue(self.id(1), payment: PaymentID("q")!, reason: .alreadyPaid),
        ])
        named.expectProvider()
        for line in [
            self.listed(1, .paid, payment: "p1"), self.listed(1, .paid, payment: "q"),
            self.listed(1, .refunded, payment: "q"), self.listed(1, .refunded, payment: "q"),
        ] { named.takeProvider(line) }
        #expect(self.kinds(named) == [.refundedTwice])
    }

    @Test("shop and provider name different amounts") func amountDiffers() {
        var table = self.table([.reserved(self.order(1)), self.pay(1)])
        table.takeShop(self.listed(1, .paid, amount: 500))
        table.takeProvider(self.listed(1, .paid, amount: 5))
        #expect(self.kinds(table) == [.amountDiffers])
    }

    @Test("an order that only a replaced ledger knows is owed, and not unknown") func owed() {
        var table = self.table([])
        table.takeOwed(self.order(1), of: Self.unit)
        table.takeShop(self.listed(1, .paid))
        #expect(self.kinds(table) == [.owed])
    }

    @Test("stuck: past its time, with a verdict that its unit lacks, or undecided in a settled sale") func stuck() {
        let reserved = self.table([.reserved(self.order(1))])
        #expect(self.kinds(reserved, now: Self.end.advanced(milliseconds: 60_000)).isEmpty, "the unit has a minute")
        #expect(self.kinds(reserved, now: Self.end.advanced(milliseconds: 60_001)) == [.stuck])
        #expect(self.kinds(reserved, ended: [Self.lot]) == [.stuck])
        var contested = self.table([.contested(self.order(1), uncertaintyMicroseconds: 0)])
        #expect(self.kinds(contested, now: .distantFuture).isEmpty)
        contested.take(
            .contest(
                Self.lot,
                ContestBatch(
                    number: 1, at: Self.end, frontier: .zero, passed: [], allocated: [], released: [self.id(1)],
                    waited: [])))
        let learned = Self.end.advanced(milliseconds: 60_000)
        #expect(self.kinds(contested, now: learned).isEmpty, "the unit has a minute to learn it")
        #expect(self.kinds(contested, now: learned.advanced(milliseconds: 1)) == [.stuck])
    }

    @Test("an event that a consumer did not take, and that is not tried again") func givenUp() {
        var table = self.table([.reserved(self.order(1))])
        let event = LedgerEntry.reserved(self.order(1)).events(at: 1, generation: Generation(1))[0]
        for isDead in [false, true] {
            table.take(
                RelayLetter(event: event, tries: 10, due: Self.end, isDead: isDead, reason: "500"), for: "shop",
                of: Self.unit)
        }
        let found = self.differences(table)
        #expect(found.map(\.kind) == [.givenUp])
        #expect(found[0].detail == "shop did not take reserved: 500")
        #expect(found[0].repair == .revive(consumer: "shop"))
        #expect(self.differences(table, lots: [LotID(2)]).isEmpty)
    }

    @Test("an order in a list that no ledger knows, unless its payment is due back") func unknownToUs() {
        var table = self.table([.refundDue(self.id(2), payment: PaymentID("p")!, reason: .unknownOrder)])
        table.expectShop()
        table.expectProvider()
        table.takeShop(self.listed(1, .open))
        table.takeProvider(self.listed(1, .paid))
        table.takeProvider(self.listed(2, .paid))
        let found = self.differences(table)
        #expect(found.map(\.kind) == [.refundDue, .unknownToUs])
        #expect(found[1].detail == "listed by the shop and the provider")
    }

    @Test("with lots, other sales' orders are left out") func otherLotsAreLeftOut() {
        var table = self.table([.reserved(self.order(1)), self.pay(1), .reserved(self.order(2, lot: LotID(2)))])
        table.expectShop()
        #expect(self.differences(table, lots: [LotID(2)]).isEmpty)
        #expect(self.differences(table, lots: [Self.lot]).map(\.kind) == [.paidNotTold])
    }

    @Test("a table has its columns in any order, with quotes; what it cannot read is named") func tablesAreRead() throws
    {
        let table = try ListedOrderTable(title: "payment,state,order\r")
        let id = self.id(1)
        #expect(try table.row("\"a,\"\"b\",paid,\(id)\r") == self.listed(1, .paid, payment: "a,\"b"))
        #expect(throws: ListedOrderError.missingColumn("state")) { try ListedOrderTable(title: "order,payment") }
        #expect(throws: ListedOrderError.columns(2, expected: 3)) { try table.row("paid,\(id)") }
        #expect(throws: ListedOrderError.order("1")) { try table.row(",paid,1") }
        #expect(throws: ListedOrderError.state("sold")) { try table.row(",sold,\(id)") }
        let priced = try ListedOrderTable(title: "order,state,amount")
        #expect(try priced.row("\(id),charged,1250") == self.listed(1, .paid, amount: 1_250))
        #expect(try priced.row("\(id),reserved,") == self.listed(1, .open))
        for amount in ["12.50", "-1", "1000000000001"] {
            #expect(throws: ListedOrderError.amount(amount)) { try priced.row("\(id),paid,\(amount)") }
        }
    }
}
