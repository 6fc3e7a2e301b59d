import Testing
import TrancheCore

// One test for each row of the table in `docs/payments.md`.

@Suite("Payments with amounts") struct PaymentTests {
    @Test("an order carries its price, its amount and the shop's reference") func orderCarriesPrice() {
        let bench = Bench.selling(3)
        let order = bench.buy("a", quantity: 2, reference: OrderReference("cart 7"))!.order!
        #expect(order.amount == .eur(2_000))
        #expect(order.reference?.rawValue == "cart 7")
        #expect(bench.machine.book.orders[order.id] == order)
        #expect(bench.replayed.orders[order.id] == order)
    }

    @Test("a payment of the whole amount is one entry, and the same notice again changes nothing") func whole() {
        let bench = Bench.selling(1)
        let order = bench.buy("a")!.order!
        let entries = bench.entries.count
        for _ in 0..<3 { #expect(bench.pay(order.id, "p", .eur(1_000))?.order?.paid == 1_000) }
        #expect(bench.entries.dropFirst(entries) == [.confirmed(order, payment: PaymentID("p")!)])
        #expect(bench.machine.book.money(of: order.id).total(of: PaymentID("p")!) == 1_000)
    }

    @Test("parts add up, in any order and any number of times; the order is paid when they reach its amount")
    func parts() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        #expect(bench.pay(id, "p", .eur(300))?.order?.paid == 300)
        #expect(bench.changed.last?.paid == 300)
        #expect(bench.pay(id, "q", .eur(600))?.order?.state == .reserved)
        #expect(bench.pay(id, "p", .eur(300))?.order?.paid == 900)
        // The total of a payment grows; an older notice of it comes late.
        #expect(bench.pay(id, "p", .eur(400))?.order?.state == .paid)
        #expect(bench.pay(id, "p", .eur(300))?.order?.paid == 1_000)
        #expect(bench.due(id) == [])
        #expect(bench.replayed.money == bench.machine.book.money)
        #expect(bench.replayed.orders == bench.machine.book.orders)
    }

    @Test("what is more than the amount is due back, once") func overPaid() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        for _ in 0..<3 { #expect(bench.pay(id, "p", .eur(1_250))?.order?.state == .paid) }
        #expect(bench.due(id) == ["1 p 250 EUR overPaid"])
        #expect(bench.pay(id, "p", .eur(1_300))?.order?.state == .paid)
        #expect(bench.due(id) == ["1 p 250 EUR overPaid", "2 p 50 EUR overPaid"])
        #expect(bench.machine.book.money(of: id).kept(in: Currency("EUR")!) == 1_000)
    }

    @Test("a second payment of a paid order is due back in full") func second() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        bench.pay(id, "p", .eur(1_000))
        for _ in 0..<2 { #expect(bench.pay(id, "q", .eur(700)) == .refused(.alreadyPaid(id))) }
        #expect(bench.due(id) == ["1 q 700 EUR alreadyPaid"])
        #expect(bench.pay(id, "p", .eur(1_000))?.order?.state == .paid)
    }

    @Test("a payment in another currency is due back in that currency, and the order stays open") func currency() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        let refusal = Refusal.otherCurrency(id, of: Currency("USD")!, expected: Currency("EUR")!)
        for _ in 0..<3 { #expect(bench.pay(id, "p", .usd(1_000)) == .refused(refusal)) }
        #expect(bench.due(id) == ["1 p 1000 USD otherCurrency"])
        #expect(bench.state(id) == .reserved)
        // The same payment in two currencies is no payment: nothing is noted, and an operator hears of it.
        #expect(
            bench.pay(id, "p", .eur(1_000))
                == .refused(.otherCurrency(id, of: Currency("EUR")!, expected: Currency("USD")!)))
        #expect(bench.alarms.count == 1)
        #expect(bench.pay(id, "q", .eur(1_000))?.order?.state == .paid)
    }

    @Test("a payment that names another lot is due back") func otherLot() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        for _ in 0..<2 {
            #expect(bench.pay(id, "p", .eur(1_000), lot: LotID(9)) == .refused(.otherLot(id, lot: Bench.lot)))
        }
        #expect(bench.due(id) == ["1 p 1000 EUR otherLot"])
        #expect(bench.pay(id, "q", .eur(300), lot: Bench.lot)?.order?.paid == 300)
        #expect(bench.pay(id, "q", .eur(500), lot: LotID(9))?.order?.paid == 300, "only what is new is for another lot")
        #expect(bench.due(id).last == "2 q 200 EUR otherLot")
        #expect(bench.pay(id, "r", .eur(700))?.order?.state == .paid)
    }

    @Test("an order with a price takes no payment without an amount, and notes nothing") func amountMissing() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        let entries = bench.entries.count
        #expect(bench.pay(id, "p") == .refused(.amountMissing(id, amount: .eur(1_000))))
        #expect(bench.entries.count == entries)
        #expect(bench.pay(id, "p", .eur(1_000))?.order?.state == .paid)
        #expect(bench.pay(id, "p")?.order?.state == .paid, "it is known by now")
    }

    @Test("an order without a price is paid by any payment, as before; amounts say what is due back") func noPrice() {
        let bench = Bench(granted: 1)
        let id = bench.buy("a")!.order!.id
        #expect(bench.pay(id, "p", .eur(5))?.order?.state == .paid)
        #expect(bench.pay(id, "q", .eur(7)) == .refused(.alreadyPaid(id)))
        #expect(bench.pay(id, "r") == .refused(.alreadyPaid(id)))
        #expect(bench.due(id) == ["1 q 7 EUR alreadyPaid", "2 r no amount alreadyPaid"])
    }

    @Test("a payment of an order that the ledger does not know is due back, whatever comes later") func unknown() {
        let bench = Bench.selling(1)
        let id = OrderID(high: 70, low: 1)
        for _ in 0..<2 { #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.unknownPayment(id))) }
        #expect(bench.due(id) == ["1 p 1000 EUR unknownOrder"])
        #expect(bench.buy("a", order: id)?.order?.state == .reserved)
        #expect(bench.pay(id, "p", .eur(1_000)) == .refused(.unknownPayment(id)), "it does not pay as well")
        #expect(bench.pay(id, "q", .eur(1_000))?.order?.state == .paid)
    }

    @Test("an order has a limited number of payments; one more is refused, and nothing is noted") func tooMany() {
        let bench = Bench.selling(1)
        let id = bench.buy("a")!.order!.id
        for number in 0..<Limits.paymentsPerOrder {
            #expect(bench.pay(id, "p\(number)", .eur(1))?.order?.state == .reserved)
        }
        let entries = bench.entries.count
        #expect(bench.pay(id, "q", .eur(1)) == .refused(.tooManyPayments(id, limit: Limits.paymentsPerOrder)))
        #expect(bench.entries.count == entries)
        #expect(bench.pay(id, "p0", .eur(745))?.order?.state == .paid, "a known payment can grow")
    }

    @Test("the limit holds for orders without a price, and for those that the ledger does not know")
    func tooManyRefunds() {
        let bench = Bench(granted: 1)
        let (paid, unknown) = (bench.buy("a")!.order!.id, OrderID(high: 70, low: 1))
        bench.pay(paid, "p")
        for id in [paid, unknown] {
            for number in 0..<Limits.paymentsPerOrder { bench.pay(id, "q\(number)", number == 0 ? .eur(1) : .none) }
            let entries = bench.entries.count
            let tooMany = Answer.refused(.tooManyPayments(id, limit: Limits.paymentsPerOrder))
            #expect(bench.pay(id, "r") == tooMany)
            #expect(bench.pay(id, "q0", .eur(2)) == tooMany, "more of a payment is one more refund")
            #expect(bench.pay(id, "q1") == .refused(id == paid ? .alreadyPaid(id) : .unknownPayment(id)))
            #expect(bench.entries.count == entries)
            #expect(bench.due(id).count == Limits.paymentsPerOrder)
        }
        #expect(bench.pay(paid, "p")?.order?.state == .paid)
        #expect(bench.alarms.count == 2)
    }

    @Test("a payment that names another lot is due back, also if the order has no price") func otherLotNoPrice() {
        let bench = Bench(granted: 1)
        let id = bench.buy("a")!.order!.id
        for lot in [LotID(9), LotID(9), nil] {
            #expect(bench.pay(id, "p", .eur(5), lot: lot) == .refused(.otherLot(id, lot: Bench.lot)))
        }
        #expect(bench.due(id) == ["1 p 5 EUR otherLot"])
        #expect(bench.pay(id, "q", lot: Bench.lot)?.order?.state == .paid)
        #expect(bench.pay(id, "q", lot: LotID(9))?.order?.state == .paid, "it is the one that pays")
    }

    @Test("parts of an order that is cancelled or expires are due back, each by itself") func partsOfEnded() {
        let bench = Bench.selling(2)
        let (cancelled, expired) = (bench.buy("a")!.order!.id, bench.buy("b")!.order!.id)
        for id in [cancelled, expired] {
            bench.pay(id, "p\(id.low)", .eur(300))
            bench.pay(id, "q\(id.low)", .eur(200))
        }
        bench.feed(.cancel(cancelled, ticket: 1))
        #expect(bench.others.last?.order?.paid == 0)
        bench.wait(milliseconds: 1_000)
        for id in [cancelled, expired] {
            #expect(bench.due(id) == ["1 p\(id.low) 300 EUR orderOver", "2 q\(id.low) 200 EUR orderOver"])
            #expect(bench.machine.book.orders[id]?.paid == 0)
        }
        #expect(bench.pay(expired, "p2", .eur(300)) == .refused(.paymentTooLate(expired, state: .expired)))
        #expect(bench.due(expired).count == 2)
    }
}
