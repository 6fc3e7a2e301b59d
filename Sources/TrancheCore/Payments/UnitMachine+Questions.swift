// The provider is asked before the stock of an unpaid order is given back.
//
// An order is asked about shortly before its deadline, so that its stock is on sale again at the deadline. "Unpaid" is the only
// answer that releases it. Without an answer it is held, and asked about in growing pauses. After the stated time it expires all
// the same, and the provider is asked on: then a payment that turns up revives the order or is refunded, and none is lost.

/// The orders that a provider is asked about.
struct ProviderQuestions: Sendable {
    struct Question: Sendable {
        let deadline: Instant
        var tries = 0
        /// When it was asked, by a clock that never steps; `nil` while no question is under way.
        var askedAt: Instant?
        /// Whether it has its place among those to be asked again.
        var isQueued = false
        /// It is known that nothing was paid: the order ends at its deadline.
        var isUnpaid = false
    }
    var open: [OrderID: Question] = [:]
    /// When to ask, and when a question counts as unknown, by a clock that never steps.
    var due = Heap<Deadline>()
    var timeouts = Heap<Deadline>()
    /// When orders that are unpaid, and when orders that are held, end: by the wall clock.
    var unpaid = Heap<Deadline>()
    var held = Heap<Deadline>()
    var underway = 0

    /// Lets an order be asked about, once for each time.
    mutating func queue(_ order: OrderID, at moment: Instant) {
        guard self.open[order]?.isQueued == false else { return }
        self.open[order]?.isQueued = true
        self.due.insert(Deadline(deadline: moment, order: order))
    }

    /// No answer is waited for any more.
    mutating func endAsking(_ order: OrderID) {
        guard self.open[order]?.askedAt != nil else { return }
        self.open[order]?.askedAt = nil
        self.underway -= 1
    }

    mutating func close(_ order: OrderID) {
        self.endAsking(order)
        self.open[order] = nil
    }
}

extension UnitMachine {
    /// Orders about which a provider is asked at this moment or later, those in doubt included.
    package var questionsOpen: Int { self.questions.open.count }

    mutating func askAboutOverdue(_ terms: ProviderTerms, now: Instant, into output: inout UnitOutput) {
        var left = Limits.expiriesPerTick
        let soon = now.advanced(milliseconds: terms.askLeadMilliseconds)
        while let first = self.deadlines.first, first.deadline <= soon, left > 0 {
            left -= 1
            let item = self.deadlines.removeFirst()
            guard self.book.orders.state(of: item.order) == .reserved else { continue }
            self.questions.open[item.order] = .init(deadline: item.deadline)
            self.questions.queue(item.order, at: self.steady)
            let end = item.deadline.advanced(milliseconds: terms.holdUnknownMilliseconds)
            self.questions.held.insert(Deadline(deadline: end, order: item.order))
        }
        self.endTimeouts(now: now, into: &output)
        self.endUnpaid(now: now, &left, into: &output)
        self.endHeld(terms, now: now, &left, into: &output)
        self.askDue(terms, into: &output)
    }

    private mutating func endTimeouts(now: Instant, into output: inout UnitOutput) {
        while let first = self.questions.timeouts.first, first.deadline <= self.steady {
            let item = self.questions.timeouts.removeFirst()
            guard let asked = self.questions.open[item.order]?.askedAt, let terms = self.settings.provider,
                asked.advanced(milliseconds: terms.answerMilliseconds) <= self.steady
            else { continue }
            self.providerAnswered(item.order, .unknown, now: now, into: &output)
        }
    }

    private mutating func endUnpaid(now: Instant, _ left: inout Int, into output: inout UnitOutput) {
        while let first = self.questions.unpaid.first, first.deadline <= now, left > 0 {
            left -= 1
            self.expireUnpaid(self.questions.unpaid.removeFirst().order, into: &output)
        }
    }

    /// Orders whose time without an answer is over are sold again, and asked about on.
    ///
    /// The first question has its time in any case: a unit that was away, or that asks about many, has not asked yet.
    private mutating func endHeld(
        _ terms: ProviderTerms, now: Instant, _ left: inout Int, into output: inout UnitOutput
    ) {
        while let first = self.questions.held.first, first.deadline <= now, left > 0 {
            left -= 1
            let id = self.questions.held.removeFirst().order
            guard let order = self.book.orders[id], order.state == .reserved else { continue }
            guard let question = self.questions.open[id], !question.isUnpaid else {
                self.expireUnpaid(id, into: &output)
                continue
            }
            guard question.tries > 1 || question.tries == 1 && question.askedAt == nil else {
                let later = now.advanced(milliseconds: terms.answerMilliseconds)
                self.questions.held.insert(Deadline(deadline: later, order: id))
                continue
            }
            self.release(order, as: .expired, into: &output)
            self.append(.doubt(id, isOpen: true), into: &output)
            self.askOn(id)
        }
    }

    private mutating func expireUnpaid(_ id: OrderID, into output: inout UnitOutput) {
        self.questions.close(id)
        guard let order = self.book.orders[id], order.state == .reserved else { return }
        self.release(order, as: .expired, into: &output)
    }

    private mutating func askDue(_ terms: ProviderTerms, into output: inout UnitOutput) {
        while self.questions.underway < Limits.providerQuestions, let first = self.questions.due.first,
            first.deadline <= self.steady
        {
            let id = self.questions.due.removeFirst().order
            guard var question = self.questions.open[id] else { continue }
            question.isQueued = false
            let order = self.book.orders[id]
            guard order?.state == .reserved || self.book.doubts.contains(id) else {
                self.questions.close(id)  // It was paid, or cancelled, by now.
                continue
            }
            guard question.askedAt == nil, !question.isUnpaid else {
                self.questions.open[id] = question
                continue
            }
            (question.askedAt, question.tries) = (self.steady, question.tries + 1)
            self.questions.open[id] = question
            self.questions.underway += 1
            let timeout = self.steady.advanced(milliseconds: terms.answerMilliseconds)
            self.questions.timeouts.insert(Deadline(deadline: timeout, order: id))
            output.add(
                .askProvider(
                    ProviderQuestion(order: id, amount: order?.amount ?? .none, reference: order?.reference)))
        }
    }

    mutating func providerAnswered(
        _ id: OrderID, _ answer: ProviderAnswer, now: Instant, into output: inout UnitOutput
    ) {
        // Only orders in the book are asked about. The answer comes again, late, and its lot was archived since.
        guard self.book.orders.state(of: id) != nil else { return self.questions.close(id) }
        let isAsked = self.questions.open[id]?.askedAt != nil
        self.questions.endAsking(id)
        switch answer {
        case .paid(let payments): self.taken(payments, id, now: now, into: &output)
        case .unpaid where isAsked: self.unpaid(id, now: now, into: &output)
        // What was not asked is no answer to a question: only money counts whenever it is heard of.
        case .unpaid: break
        case .unknown: if isAsked { self.askOn(id) }
        }
    }

    private mutating func taken(
        _ payments: [Payment], _ id: OrderID, now: Instant, into output: inout UnitOutput
    ) {
        var isDecided = true
        for payment in payments {
            let notice = PaymentNotice(order: id, payment: payment.id, amount: payment.amount)
            if !self.take(notice, ticket: nil, now: now, into: &output) { isDecided = false }
        }
        // One that waits for a step in Redis may yet be refused: the next answer of the provider shows what became of it.
        let isWaiting = self.book.orders[id].map { order in
            self.lots[order.lot]?.late.contains { $0.notice.order == id } == true
        }
        guard isDecided, isWaiting != true else { return self.askOn(id) }
        // It has a part of its amount only: the answer says that there is no more.
        self.unpaid(id, now: now, into: &output)
    }

    /// The provider has nothing more for the order than the ledger.
    private mutating func unpaid(_ id: OrderID, now: Instant, into output: inout UnitOutput) {
        if self.book.doubts.contains(id) { self.append(.doubt(id, isOpen: false), into: &output) }
        guard let question = self.questions.open[id] else { return }
        guard let order = self.book.orders[id], order.state == .reserved else { return self.questions.close(id) }
        if question.deadline <= now {
            self.expireUnpaid(id, into: &output)
        } else if !question.isUnpaid {
            self.questions.open[id]?.isUnpaid = true
            self.questions.unpaid.insert(Deadline(deadline: order.deadline, order: id))
        }
    }

    /// Asks again after a pause, which grows.
    mutating func askOn(_ id: OrderID) {
        guard self.settings.provider != nil else { return }
        let isDoubt = self.book.doubts.contains(id)
        if self.questions.open[id] == nil, isDoubt {
            self.questions.open[id] = .init(deadline: self.book.orders[id]?.deadline ?? .distantPast)
        }
        guard let question = self.questions.open[id], question.askedAt == nil else { return }
        let limits = isDoubt ? Limits.doubtMilliseconds : Limits.askAgainMilliseconds
        let pause = Self.pause(limits, tries: isDoubt ? max(0, question.tries - 8) : question.tries)
        self.questions.queue(id, at: self.steady.advanced(milliseconds: pause))
    }

    /// Doubles with each try.
    static func pause(_ limits: ClosedRange<Int64>, tries: Int) -> Int64 {
        min(limits.upperBound, limits.lowerBound << Int64(min(max(0, tries - 1), 20)))
    }
}
