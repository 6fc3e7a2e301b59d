import TrancheCore

// What units ask of the provider: payments of an order, and refunds. It may be away, slow, unsure or behind.

extension World {
    /// A unit's machine wants the provider to be asked.
    func ask(_ unit: UnitID, _ process: UnitProcess, _ question: ProviderQuestion) {
        guard self.trade != nil else { return }
        if self.plant == .returnBeforeAsking {
            return self.run(unit, process, .providerAnswered(question.order, .unpaid))
        }
        self.trade!.judge.asked.insert(question.order)
        self.send(.trade(.question(unit, session: process.session, question)))
    }

    func asked(_ unit: UnitID, _ session: UInt64, _ question: ProviderQuestion) {
        let habits = self.trade!.habits
        if habits.providerIsAwayUntil > self.now { return self.mark("question to a provider that is away") }
        var answer = self.trade!.provider.answer(
            question.order, at: self.now.advanced(milliseconds: -Int64(habits.staleMilliseconds)))
        if self.tradeHappens(permille: habits.vaguePermille) {
            answer = .unknown
            self.mark("provider unsure")
        } else if answer == .unpaid, self.trade!.provider.byOrder[question.order] != nil {
            self.mark("provider behind")
        }
        self.reply(
            .providerAnswer(unit, session: session, question.order, answer), within: habits.slowMilliseconds)
    }

    func providerAnswered(_ unit: UnitID, _ session: UInt64, _ order: OrderID, _ answer: ProviderAnswer) {
        guard let process = self.process(unit, session) else { return }
        if answer != .unknown { self.trade!.judge.cleared[order] = session }
        let believed = answer == .unknown && self.plant == .unknownIsUnpaid ? .unpaid : answer
        self.run(unit, process, .providerAnswered(order, believed))
    }

    /// A unit's machine wants a refund carried out.
    func send(_ unit: UnitID, _ process: UnitProcess, _ refund: Refund) {
        // A ledger that nobody has vouched for may be a copy: its refunds are those of another process.
        guard self.trade != nil, process.machine.mayIssue else { return }
        if self.plant == .refundForgottenOnRestart, process.refundsAtStart.contains(refund.key) { return }
        var key = refund.key.description
        if self.plant == .refundWithoutKey { key = "\(self.trade!.random.next())" }
        if process.refundsAtStart.contains(refund.key) { self.mark("refund of an earlier process") }
        self.send(.trade(.refund(unit, session: process.session, refund, key: key)))
    }

    func carryOut(_ unit: UnitID, _ session: UInt64, _ refund: Refund, _ key: String) {
        let habits = self.trade!.habits
        guard habits.providerIsAwayUntil <= self.now else { return self.mark("refund at a provider that is away") }
        let (answer, isRepeated) = self.trade!.provider.refund(
            refund, key: key, now: self.now, pendingMilliseconds: habits.pendingMilliseconds)
        if isRepeated { self.mark("refund asked for again") }
        if answer == .pending { self.mark("refund pending") }
        self.reply(
            .refundAnswer(unit, session: session, refund.key, answer), within: habits.slowMilliseconds)
    }

    func reply(_ message: TradeMessage, within milliseconds: Int) {
        self.schedule(.reply(message), afterMilliseconds: self.tradeDraw(0...milliseconds))
    }
}
