import TrancheCore

// Buyers who pay at the provider, and what it tells units by itself.

extension World {
    /// How a buyer pays: right mostly, and in every other way that providers know.
    func pay(atProvider buyer: Int, _ order: OrderID) {
        let due = self.trade!.price.minor * Int64(self.buyers[buyer].quantity)
        let (first, second) = (self.newPayment(), self.newPayment())
        let part = max(1, due / Int64(self.tradeDraw(2...4)))
        var takings: [(PaymentID, Int64, Currency, LotID?)] = [(first, due, Trade.currency, nil)]
        switch self.trade!.random.index(weights: [60, 8, 9, 8, 5, 6, 3, 2]) {
        case 1: takings.append((second, due, Trade.currency, nil))
        case 2: takings = [(first, part, Trade.currency, nil), (first, due, Trade.currency, nil)]
        case 3: takings = [(first, part, Trade.currency, nil), (second, due - part, Trade.currency, nil)]
        case 4: takings[0].1 += Int64(self.tradeDraw(1...5_000))
        case 5: takings[0].1 = part
        case 6: takings.insert((second, due, Trade.otherCurrency, nil), at: 0)
        case 7: takings[0].3 = LotID(999)
        default: break
        }
        var at = self.tradeHappens(permille: 200) ? self.tradeDraw(1...6_000) : 0
        for (payment, minor, currency, lot) in takings where minor > 0 {
            let total = Money(minor: minor, currency: currency)!
            self.schedule(.take(buyer, order, payment, total: total, lot: lot), afterMilliseconds: at)
            at += self.tradeDraw(0...900)
        }
        if self.tradeHappens(permille: 60) {
            self.schedule(.buyer(buyer, .cancel(order)), afterMicroseconds: 1_000 * self.tradeDraw(0...1_500))
        }
    }

    private func newPayment() -> PaymentID { PaymentID("p\(self.trade!.random.next())")! }

    func take(_ buyer: Int, _ order: OrderID, _ payment: PaymentID, _ total: Money, _ lot: LotID?) {
        let unit = self.buyers[buyer].orderedAt
        let earlier = self.trade!.provider.byOrder[order]?.count ?? 0
        self.trade!.provider.take(payment, of: order, at: unit, total: total, now: self.now)
        if earlier > 0 { self.mark("paid again, or in parts") }
        if total.currency != self.trade!.price.currency { self.mark("paid in another currency") }
        let notice = PaymentNotice(order: order, payment: payment, amount: total, lot: lot)
        self.trade!.callbacks.append(Callback(unit: unit, notice: notice, at: self.now))
        let number = self.trade!.callbacks.count - 1
        let habits = self.trade!.habits
        for _ in 0..<habits.callbackCopies {
            self.schedule(
                .callbackDue(number), afterMilliseconds: self.tradeDraw(0...habits.callbackMilliseconds))
        }
    }

    func call(backOf number: Int) {
        guard self.trade!.callbacks[number].answer == nil else { return }
        if self.trade!.habits.providerIsAwayUntil <= self.now { self.send(.trade(.callback(number))) }
        self.schedule(.callbackDue(number), afterMilliseconds: self.tradeDraw(300...2_000))
    }

    func calledBack(_ number: Int) {
        let callback = self.trade!.callbacks[number]
        guard let process = self.units[known: callback.unit].process else { return }
        self.run(callback.unit, process, .payment(callback.notice, ticket: UInt64(number + 1)))
    }

    /// A unit answers a callback. Cancellations have ticket 0, and their answers are dropped.
    func tellProvider(ofCallback ticket: UInt64, _ answer: Answer) {
        guard ticket > 0 else { return }
        self.send(.trade(.callbackAnswer(Int(ticket) - 1, answer)))
    }

    func hear(callback number: Int, _ answer: Answer) {
        if case .refused(let refusal) = answer {
            if refusal.isTransient { return }
            if case .alreadyPaid = refusal { self.mark("paid twice") }
            if case .paymentTooLate = refusal { self.mark("paid too late") }
            if case .unknownPayment = refusal { self.mark("paid for a lost order") }
        }
        self.trade!.callbacks[number].answer = answer
    }
}
