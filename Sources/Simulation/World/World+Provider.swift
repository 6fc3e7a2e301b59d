import TrancheCore

/// A payment that the provider took from a buyer.
struct Capture {
    let buyer: Int
    /// The unit that has the order.
    let unit: UnitID
    let order: OrderID
    let payment: PaymentID
    let at: Instant
    /// The unit's final answer; transient answers do not count.
    var answer: Answer?
}

// The payment provider: it takes money, and calls the unit until it gets an answer.

extension World {
    func capture(_ buyer: Int, _ order: OrderID) {
        let payment = PaymentID("p\(self.captures.count)")!
        self.captures.append(
            Capture(
                buyer: buyer, unit: self.buyers[buyer].orderedAt, order: order, payment: payment, at: self.now))
        self.call(back: self.captures.count - 1)
    }

    func call(back number: Int) {
        guard self.captures[number].answer == nil else { return }
        self.send(.callback(number))
        self.schedule(.callbackDue(number), afterMicroseconds: 1_000 * self.random.number(300...2_000))
    }

    func paid(_ number: Int) {
        let capture = self.captures[number]
        let unit = capture.unit
        guard let process = self.payable(unit) else { return }
        self.run(unit, process, .payment(capture.order, payment: capture.payment, ticket: UInt64(number + 1)))
    }

    /// Payments and cancellations are not fenced: nothing is promised for one that reaches a copy while the original lets
    /// the same reservation expire.
    private func payable(_ unit: UnitID) -> UnitProcess? {
        self.units[known: unit].original == nil ? self.units[known: unit].process : nil
    }

    func cancelled(_ number: Int, _ order: OrderID) {
        let unit = self.buyers[number].orderedAt
        guard let process = self.payable(unit) else { return }
        self.run(unit, process, .cancel(order, ticket: 0))
    }

    /// A unit answers a payment. Cancellations have ticket 0, and their answers are dropped.
    func tellProvider(_ unit: UnitID, ticket: UInt64, _ answer: Answer) {
        guard self.trade == nil else { return self.tellProvider(ofCallback: ticket, answer) }
        guard ticket > 0 else { return }
        let capture = self.captures[Int(ticket) - 1]
        self.checker.paymentAnswered(unit, capture.order, capture.payment, answer)
        self.send(.callbackAnswer(Int(ticket) - 1, answer))
    }

    func hear(capture number: Int, _ answer: Answer) {
        if case .refused(let refusal) = answer {
            if refusal.isTransient { return }
            if case .alreadyPaid = refusal { self.mark("paid twice") }
            if case .paymentTooLate = refusal { self.mark("paid too late") }
            if case .unknownPayment = refusal { self.mark("paid for a lost order") }
        }
        self.captures[number].answer = answer
    }

    /// A buyer who paid has the item or is owed the money, by the remaining ledger.
    func judgePayments() {
        for (number, capture) in self.captures.enumerated() {
            let unit = capture.unit
            let isOverdue = capture.answer == nil && self.now.milliseconds(since: capture.at) > Self.answerMilliseconds
            self.checker.live(
                !isOverdue, "L2", "payment \(number) for order \(capture.order) at unit \(unit): no answer")
            if let answer = capture.answer {
                self.checker.paymentKept(unit, capture.order, capture.payment, answer)
            }
        }
    }
}
