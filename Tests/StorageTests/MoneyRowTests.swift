import LedgerRows
import Storage
import Testing
import TrancheCore

@Suite("Money in ledgers") struct MoneyRowTests {
    private static let id = OrderID(high: 1, low: 2)
    private static let eur = Currency("EUR")!
    private static func eur(_ minor: Int64) -> Money { Money(minor: minor, currency: self.eur)! }

    private static func order(_ price: Money, paid: Int64 = 0, reference: String? = nil) -> Order {
        Order(
            id: self.id, buyer: BuyerID("b")!, lot: LotID(1), quantity: 2, buyerLimit: 2, generation: Generation(1),
            stamp: Stamp(rawValue: 9), deadline: Instant(microseconds: 9), price: price, paid: paid,
            reference: reference.flatMap { OrderReference($0) })
    }

    private static var entries: [LedgerEntry] {
        let payment = PaymentID("p")!
        return [
            .reserved(self.order(self.eur(1_000), reference: "cart 7")), .reserved(self.order(self.eur(Limits.price))),
            .confirmed(self.order(self.eur(1_000), paid: 300), payment: payment),
            .received(self.id, Payment(id: payment, amount: self.eur(Limits.amount)), paid: 2_000),
            .refundDue(
                Refund(
                    order: self.id, number: 7, payment: payment, amount: self.eur(5), reason: .otherLot,
                    isByProvider: true)),
            .refundDue(self.id, payment: payment, reason: .orderOver), .refunded(RefundKey(order: self.id, number: 7)),
            .doubt(self.id, isOpen: true), .doubt(self.id, isOpen: false),
        ]
    }

    private func read(_ bytes: [UInt8]) -> [LedgerEntry]? {
        var entries: [LedgerEntry] = []
        return bytes.withUnsafeBytes { EntryRow.readEntries($0, into: &entries) } ? entries : nil
    }

    @Test("every entry with money is read as it was written, and a cut one is none") func writtenIsRead() {
        for entry in Self.entries {
            var bytes: [UInt8] = []
            EntryRow(entry).encode(into: &bytes)
            #expect(self.read(bytes) == [entry])
            for length in 1..<bytes.count { #expect(self.read(Array(bytes[..<length])) == nil) }
        }
    }

    @Test("a revival is read as an expired order") func revival() {
        var (order, bytes) = (Self.order(Self.eur(1_000)), [UInt8]())
        order.state = .expired
        EntryRow(.revived(order, payment: PaymentID("p")!)).encode(into: &bytes)
        #expect(self.read(bytes) == [.revived(order, payment: PaymentID("p")!)])
    }

    @Test("an entry without money has the bytes of earlier versions") func noMoneyIsAsBefore() {
        var bytes: [UInt8] = []
        EntryRow(.refundDue(Self.id, payment: PaymentID("p1")!, reason: .alreadyPaid)).encode(into: &bytes)
        // Kind 9, with a detail (4) and an order (64); reason 1; the order; "p1".
        let order: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]
        #expect(bytes == [0x89, 68, 2] + order + [2, 0x70, 0x31])
        bytes = []
        EntryRow(.reserved(Self.order(.none))).encode(into: &bytes)
        #expect(bytes[0] == 0x85)
    }

    @Test("an amount that cannot be is no entry") func impossibleAmounts() {
        var row = EntryRow(.reserved(Self.order(Self.eur(1_000))))
        row.amount = Self.eur(Limits.price + 1)
        #expect(row.entry == nil)
        row = EntryRow(.reserved(Self.order(Self.eur(1_000))))
        row.reference = "\u{7}"
        #expect(row.entry == nil)
        row = EntryRow(.reserved(Self.order(Self.eur(1_000))))
        row.quantity = Int64(Int32.max)
        #expect(row.entry == nil, "its amount would be no number")
        row = EntryRow(.received(Self.id, Payment(id: PaymentID("p")!, amount: Self.eur(1)), paid: 0))
        row.amount = nil
        #expect(row.entry == nil)
    }

    @Test("payments, refunds and doubts come back over a restart", arguments: LedgerEngine.allCases)
    func restart(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let order = Self.order(Self.eur(1_000), reference: "cart 7")
        var expired = order
        expired.state = .expired
        let (p, q) = (PaymentID("p")!, PaymentID("q")!)
        let entries: [LedgerEntry] = [
            .opened(Incarnation(1)), .granted(LotID(1), total: 2), .reserved(order),
            .received(order.id, Payment(id: p, amount: Self.eur(300)), paid: 300), .released(order, state: .expired),
            .refundDue(
                Refund(order: order.id, payment: p, amount: Self.eur(300), reason: .orderOver, isByProvider: true)),
            .doubt(order.id, isOpen: true), .refunded(RefundKey(order: order.id, number: 1)),
            .revived(expired, payment: q),
        ]
        let ledger = try box.open()
        for entry in entries { try ledger.commit([entry], as: Incarnation(1)) }
        var expected = UnitBook()
        for entry in entries { expected.apply(entry) }
        let again = try box.open()
        let book = try again.recover()
        #expect(book.orders == expected.orders)
        #expect(book.orders[order.id]?.reference?.rawValue == "cart 7")
        #expect(book.money == expected.money)
        #expect(book.doubts == [order.id])
        #expect(book[LotID(1)] == QuotaCounters(granted: 2, returned: 0, sold: 4, cancelled: 2))
        // The ledger's own guard counts a revival like a sale.
        #expect(throws: StorageError.self) {
            try again.commit([.granted(LotID(1), total: 9), .revived(expired, payment: q)], as: Incarnation(1))
        }
    }

    @Test("a snapshot has payments, refunds, doubts and prices") func snapshot() {
        var book = UnitBook()
        let order = Self.order(Self.eur(1_000), reference: "cart 7")
        for entry: LedgerEntry in [
            .granted(LotID(1), total: 2), .reserved(order),
            .received(order.id, Payment(id: PaymentID("p")!, amount: Self.eur(300)), paid: 300),
            .refundDue(
                Refund(
                    order: OrderID(high: 5, low: 5), payment: PaymentID("x")!, amount: Self.eur(9),
                    reason: .unknownOrder)), .refunded(RefundKey(order: OrderID(high: 5, low: 5), number: 1)),
            .doubt(OrderID(high: 6, low: 6), isOpen: true),
        ] { book.apply(entry) }
        var (pieces, reader) = (BookPieces(book), BookPiecesReader())
        while let piece = pieces.next() {
            let isRead = piece.withUnsafeBytes { reader.read($0) }
            #expect(isRead)
        }
        let again = UnitBook(reader.parts)
        #expect(again.orders == book.orders && again.orders[order.id]?.paid == 300)
        #expect(again.money == book.money && again.doubts == book.doubts)
    }

    @Test("the refunds of a snapshot without amounts are read, and numbered by their payments") func olderSnapshot() {
        var reader = BookPiecesReader()
        // Version 2, kind 3: order, payment, reason; and the same order with an earlier payment.
        let order: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]
        let piece: [UInt8] = [2, 3] + order + [2, 0x70, 0x32, 1] + order + [2, 0x70, 0x31, 0]
        let isRead = piece.withUnsafeBytes { reader.read($0) }
        #expect(isRead)
        #expect(
            reader.parts.money[Self.id]?.refunds.map { "\($0.number) \($0.payment) \($0.amount) \($0.isByProvider)" }
                == ["1 p1 no amount false", "2 p2 no amount false"])
    }

    @Test("an order in an archive keeps its price, its reference and its payment") func archived() {
        var order = Self.order(Self.eur(1_000), reference: "cart 7")
        (order.state, order.paid) = (.paid, 2_000)
        let bytes = OrderForm.bytes(order, payment: PaymentID("p")!)
        #expect(bytes.withUnsafeBytes { OrderForm.order($0) } == StoredOrder(order: order, payment: PaymentID("p")!))
        for length in 0..<bytes.count { #expect(bytes[..<length].withUnsafeBytes { OrderForm.order($0) } == nil) }
    }
}
