// Refunds are carried out by the provider, each under its own key, and watched until they are done.

/// The refunds that a provider has to carry out.
struct RefundWatch: Sendable {
    private struct Due: Comparable, Sendable {
        let at: Instant
        let key: RefundKey
        static func < (left: Due, right: Due) -> Bool { (left.at, left.key) < (right.at, right.key) }
    }
    private struct State: Sendable {
        var tries = 0
        var askedAt: Instant?
    }
    /// By a clock that never steps.
    private var due = Heap<Due>()
    private var timeouts = Heap<Due>()
    private var open: [RefundKey: State] = [:]
    private var underway = 0

    /// Refunds that are not done yet.
    var count: Int { self.open.count }

    mutating func add(_ key: RefundKey, at moment: Instant) {
        guard self.open[key] == nil else { return }
        self.open[key] = State()
        self.due.insert(Due(at: moment, key: key))
    }

    /// - Returns: What is due now, as long as there is room.
    mutating func next(at now: Instant, timeoutMilliseconds: Int64) -> RefundKey? {
        while self.underway < Limits.refundsUnderway, let first = self.due.first, first.at <= now {
            let key = self.due.removeFirst().key
            guard var state = self.open[key], state.askedAt == nil else { continue }
            (state.askedAt, state.tries) = (now, state.tries + 1)
            self.open[key] = state
            self.underway += 1
            self.timeouts.insert(Due(at: now.advanced(milliseconds: timeoutMilliseconds), key: key))
            return key
        }
        return nil
    }

    /// Those whose answer did not come in time are tried again.
    mutating func endTimeouts(at now: Instant, timeoutMilliseconds: Int64) {
        while let first = self.timeouts.first, first.at <= now {
            let key = self.timeouts.removeFirst().key
            guard let asked = self.open[key]?.askedAt, asked.advanced(milliseconds: timeoutMilliseconds) <= now else {
                continue
            }
            self.again(key, at: now, isRefused: false)
        }
    }

    mutating func again(_ key: RefundKey, at now: Instant, isRefused: Bool) {
        guard let state = self.open[key], state.askedAt != nil else { return }
        self.open[key]?.askedAt = nil
        self.underway -= 1
        let limits = Limits.refundAgainMilliseconds
        let pause = isRefused ? limits.upperBound : UnitMachine.pause(limits, tries: state.tries)
        self.due.insert(Due(at: now.advanced(milliseconds: pause), key: key))
    }

    mutating func close(_ key: RefundKey) {
        if self.open[key]?.askedAt != nil { self.underway -= 1 }
        self.open[key] = nil
    }
}

extension UnitMachine {
    /// Refunds that the provider has not carried out yet.
    package var refundsOpen: Int { self.refundWatch.count }

    /// At a start: what the ledger has of open questions and refunds.
    mutating func resumeProvider() {
        guard self.settings.provider != nil else { return }
        for money in self.book.money.values {
            for refund in money.refunds where refund.isByProvider && !refund.isDone {
                self.refundWatch.add(refund.key, at: .distantPast)
            }
        }
        for id in self.book.doubts {
            self.questions.open[id] = .init(deadline: self.book.orders[id]?.deadline ?? .distantPast)
            self.questions.queue(id, at: .distantPast)
        }
    }

    mutating func carryOutRefunds(into output: inout UnitOutput) {
        // A ledger that nobody has vouched for may be a copy: its refunds are those of another process.
        guard let terms = self.settings.provider, self.mayIssue else { return }
        self.refundWatch.endTimeouts(at: self.steady, timeoutMilliseconds: terms.answerMilliseconds)
        while let key = self.refundWatch.next(at: self.steady, timeoutMilliseconds: terms.answerMilliseconds) {
            guard let refund = self.book.money[key.order]?.refunds.first(where: { $0.number == key.number }) else {
                self.refundWatch.close(key)
                continue
            }
            output.add(.refund(refund))
        }
    }

    mutating func refundAnswered(_ key: RefundKey, _ answer: RefundAnswer, into output: inout UnitOutput) {
        guard let refund = self.book.money[key.order]?.refunds.first(where: { $0.number == key.number }),
            !refund.isDone
        else { return }
        switch answer {
        case .done:
            self.append(.refunded(key), into: &output)
            self.refundWatch.close(key)
            // There is room for the next one; ticks alone would make 320 a second.
            self.carryOutRefunds(into: &output)
        case .pending, .unknown: self.refundWatch.again(key, at: self.steady, isRefused: false)
        case .refused(let reason):
            self.disbelieve("the provider refuses \(key): \(reason.prefix(200))", into: &output)
            self.refundWatch.again(key, at: self.steady, isRefused: true)
        }
    }
}
