import Testing
import TrancheCore

/// Numbers that repeat with their seed.
private struct Draws {
    var state: UInt64
    mutating func next(_ count: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((self.state >> 33) % UInt64(count))
    }
}

@Suite("Storms of payments") struct PaymentStormTests {
    /// Sends many notices, three times each and shuffled, while orders expire, are cancelled and are asked about.
    private func storm(_ seed: UInt64) -> (bench: Bench, sent: [OrderID: [PaymentID: Money]]) {
        var draws = Draws(state: seed)
        let provider: ProviderTerms? = seed % 2 == 0 ? ProviderTerms() : nil
        let bench = Bench.selling(6, limit: 3, provider: provider)
        var sent: [OrderID: [PaymentID: Money]] = [:]
        var notices: [PaymentNotice] = []
        for number in 0..<10 {
            guard let id = bench.buy("b\(number % 8)", quantity: 1 + draws.next(2))?.order?.id else { continue }
            for part in 0..<draws.next(5) {
                let payment = PaymentID("p\(number)-\(part)")!
                let isForeign = draws.next(6) == 0
                var total: Int64 = 0
                for _ in 0...draws.next(2) {
                    total += [250, 500, 1_000, 1_700, 2_000][draws.next(5)]
                    let amount = isForeign ? Money.usd(total) : .eur(total)
                    let lot = [Bench.lot, LotID(9), nil, nil, nil, nil][draws.next(6)]
                    notices += Array(
                        repeating: PaymentNotice(order: id, payment: payment, amount: amount, lot: lot), count: 3)
                    sent[id, default: [:]][payment] = amount
                }
            }
        }
        while !notices.isEmpty {
            let notice = notices.remove(at: draws.next(notices.count))
            switch draws.next(12) {
            case 0: bench.wait(milliseconds: Int64(draws.next(600)))
            case 1: bench.feed(.cancel(notice.order, ticket: 1))
            case 2: bench.feed(.providerAnswered(notice.order, draws.next(2) == 0 ? .unpaid : .unknown))
            default: break
            }
            if draws.next(5) == 0 {
                bench.feed(.providerAnswered(notice.order, .paid([Payment(id: notice.payment, amount: notice.amount)])))
            } else {
                bench.pay(notice.order, notice.payment.rawValue, notice.amount, lot: notice.lot)
            }
        }
        return (bench, sent)
    }

    @Test(
        "to the cent: what came in is what paid orders cost, or is due back under a key of its own",
        arguments: 1...200 as ClosedRange<UInt64>)
    func conserved(_ seed: UInt64) {
        let (bench, sent) = self.storm(seed)
        for (id, payments) in sent {
            let order = bench.machine.book.orders[id]!
            let refunds = bench.machine.book.money(of: id).refunds
            #expect(refunds.map(\.number) == Array(refunds.indices.map { $0 + 1 }))
            for code in ["EUR", "USD"] {
                let currency = Currency(code)!
                let came = payments.values.filter { $0.currency == currency }.reduce(0) { $0 + $1.minor }
                let back = refunds.filter { $0.amount.currency == currency }.reduce(0) { $0 + $1.amount.minor }
                switch order.state {
                case .paid where code == "EUR": #expect(came - back == order.amount.minor, "\(order)")
                case .reserved where code == "EUR":
                    #expect(came - back == order.paid && order.paid < order.amount.minor, "\(order)")
                default: #expect(came == back, "\(order) \(code)")
                }
            }
            for (payment, amount) in payments {
                let back = refunds.filter { $0.payment == payment }.reduce(0) { $0 + $1.amount.minor }
                #expect(back <= amount.minor)
            }
        }
        #expect(bench.counters.isSound)
        #expect(bench.replayed.orders == bench.machine.book.orders)
        #expect(bench.replayed.money == bench.machine.book.money)
        #expect(bench.stops.isEmpty)
    }
}
