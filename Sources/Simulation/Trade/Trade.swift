import TrancheCore

/// The payment provider, the shop and what connects units with them, in a world that has them.
///
/// Its draws are its own: worlds without it stay as they are.
struct Trade {
    static let currency = Currency("EUR")!
    static let otherCurrency = Currency("USD")!
    /// Such a world goes on until all is quiet, and its relays look at their ledgers often.
    static let stepFactor = 4
    /// Over the slowest links a good provider's answer takes 420 ms. A unit that waits for less never hears one in
    /// time, and stays in doubt for ever, as it should.
    static let answerMilliseconds = 500...1_000

    var random: SeededRandom
    var habits: TradeHabits
    let price: Money
    let terms: ProviderTerms
    var provider = SimulatedProvider()
    var shop = SimulatedShop()
    var callbacks: [Callback] = []
    /// What the ledgers have of the relays; and the same in the copy of a ledger.
    var disks: [UnitID: RelayDisk] = [:]
    var backups: [UnitID: RelayDisk] = [:]
    var judge = TradeJudge()

    init(seed: UInt64) {
        self.random = SeededRandom(seed: seed ^ 0x7472_6164)
        self.habits = TradeHabits(random: &self.random)
        self.price = Money(minor: Int64(self.random.number(1...200_000)), currency: Self.currency)!
        var terms = ProviderTerms()
        terms.askLeadMilliseconds = Int64(self.random.number(0...600))
        terms.holdUnknownMilliseconds = Int64(self.random.number(0...4_000))
        terms.answerMilliseconds = Int64(self.random.number(Self.answerMilliseconds))
        self.terms = terms
    }
}

/// How provider and shop behave, good or bad.
struct TradeHabits {
    /// Questions that the provider does not answer clearly, although it could.
    var vaguePermille: Int
    /// The provider answers from a copy that is so much behind.
    var staleMilliseconds: Int
    var slowMilliseconds: Int
    var callbackMilliseconds: Int
    /// Each callback comes so often, and each at its own time.
    var callbackCopies: Int
    /// Refunds are taken on, and done so much later.
    var pendingMilliseconds: Int
    /// Deliveries that the shop refuses.
    var refusedPermille: Int
    var shopMilliseconds: Int
    var failedCursorPermille: Int
    /// Crashes of a unit between a delivery and the cursor.
    var crashPermille: Int
    var providerIsAwayUntil = Instant.distantPast
    var shopIsAwayUntil = Instant.distantPast

    init(random: inout SeededRandom) {
        self.vaguePermille = random.happens(permille: 600) ? random.number(1...700) : 0
        self.staleMilliseconds = random.happens(permille: 400) ? random.number(1...900) : 0
        self.slowMilliseconds = random.number(1...700)
        self.callbackMilliseconds = random.number(1...5_000)
        self.callbackCopies = random.number(1...3)
        self.pendingMilliseconds = random.happens(permille: 500) ? random.number(1...3_000) : 0
        self.refusedPermille = random.number(0...400)
        self.shopMilliseconds = random.number(1...900)
        self.failedCursorPermille = random.number(0...200)
        self.crashPermille = random.number(0...8)
    }

    mutating func heal() {
        (self.vaguePermille, self.staleMilliseconds, self.refusedPermille) = (0, 0, 0)
        (self.failedCursorPermille, self.crashPermille) = (0, 0)
        (self.slowMilliseconds, self.shopMilliseconds) = (20, 20)
        (self.providerIsAwayUntil, self.shopIsAwayUntil) = (.distantPast, .distantPast)
    }
}

/// What the provider tells a unit of one payment, again and again until it has an answer.
struct Callback {
    let unit: UnitID
    let notice: PaymentNotice
    let at: Instant
    /// The unit's final answer; transient answers do not count.
    var answer: Answer?
}

extension World {
    enum TradeEvent {
        case fault
        case take(Int, OrderID, PaymentID, total: Money, lot: LotID?)
        case callbackDue(Int)
        case relayTick(UnitID, session: UInt64)
        case deliveryTimeout(UnitID, session: UInt64, ticket: UInt64, tryNumber: Int)
        /// The answer of the provider, or of the shop, leaves.
        case reply(TradeMessage)
    }
    enum TradeMessage {
        case callback(Int)
        case callbackAnswer(Int, Answer)
        case question(UnitID, session: UInt64, ProviderQuestion)
        case providerAnswer(UnitID, session: UInt64, OrderID, ProviderAnswer)
        /// - Parameter key: What the provider knows the refund by.
        case refund(UnitID, session: UInt64, Refund, key: String)
        case refundAnswer(UnitID, session: UInt64, RefundKey, RefundAnswer)
        case delivery(UnitID, session: UInt64, RelayMachine.Delivery)
        case deliveryAnswer(UnitID, session: UInt64, ticket: UInt64, tryNumber: Int, RelayMachine.Answer)
    }

    func schedule(_ event: TradeEvent, afterMilliseconds delay: Int) {
        self.schedule(.trade(event), afterMicroseconds: 1_000 * delay)
    }

    func tradeDraw(_ range: ClosedRange<Int>) -> Int { self.trade!.random.number(range) }

    func tradeHappens(permille: Int) -> Bool { self.trade!.random.happens(permille: permille) }

    func handle(_ event: TradeEvent) {
        switch event {
        case .fault: self.drawTradeFault()
        case .take(let buyer, let order, let payment, let total, let lot):
            self.take(buyer, order, payment, total, lot)
        case .callbackDue(let number): self.call(backOf: number)
        case .relayTick(let unit, let session): self.relayTick(unit, session: session)
        case .deliveryTimeout(let unit, let session, let ticket, let tryNumber):
            self.deliveryAnswered(unit, session, ticket, tryNumber, .no(reason: "no answer in time"))
        case .reply(let message): self.send(.trade(message))
        }
    }

    func deliver(_ message: TradeMessage) {
        switch message {
        case .callback(let number): self.calledBack(number)
        case .callbackAnswer(let number, let answer): self.hear(callback: number, answer)
        case .question(let unit, let session, let question): self.asked(unit, session, question)
        case .providerAnswer(let unit, let session, let order, let answer):
            self.providerAnswered(unit, session, order, answer)
        case .refund(let unit, let session, let refund, let key): self.carryOut(unit, session, refund, key)
        case .refundAnswer(let unit, let session, let key, let answer):
            guard let process = self.process(unit, session) else { return }
            self.run(unit, process, .refundAnswered(key, answer))
        case .delivery(let unit, let session, let delivery): self.reachShop(unit, session, delivery)
        case .deliveryAnswer(let unit, let session, let ticket, let tryNumber, let answer):
            self.deliveryAnswered(unit, session, ticket, tryNumber, answer)
        }
    }

    func link(of message: TradeMessage) -> Link {
        switch message {
        case .callback(let number): Link(from: .provider, to: .unit(self.trade!.callbacks[number].unit))
        case .callbackAnswer(let number, _): Link(from: .unit(self.trade!.callbacks[number].unit), to: .provider)
        case .question(let unit, _, _), .refund(let unit, _, _, _): Link(from: .unit(unit), to: .provider)
        case .providerAnswer(let unit, _, _, _), .refundAnswer(let unit, _, _, _):
            Link(from: .provider, to: .unit(unit))
        case .delivery(let unit, _, _): Link(from: .unit(unit), to: .shop)
        case .deliveryAnswer(let unit, _, _, _, _): Link(from: .shop, to: .unit(unit))
        }
    }

    private func drawTradeFault() {
        guard self.faultsAreOn else { return }
        let until = self.now.advanced(milliseconds: Int64(self.tradeDraw(100...3_000)))
        if self.tradeHappens(permille: 500) {
            self.trade!.habits.providerIsAwayUntil = until
            self.mark("provider away")
        } else {
            self.trade!.habits.shopIsAwayUntil = until
            self.mark("shop away")
        }
        self.schedule(TradeEvent.fault, afterMilliseconds: self.tradeDraw(200...3_000))
    }
}
