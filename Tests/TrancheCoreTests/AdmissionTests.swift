import Testing
import TrancheCore

@Suite("Admission") struct AdmissionTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)

    @Test("a refusal is remembered, and the cut refuses what the memory has lost") func refusalsAreRememberedOrCut() {
        var memory = RefusalMemory(limit: 100)
        func order(_ number: UInt64) -> OrderID { OrderID(high: number &* 0x9E37_79B9_7F4A_7C15, low: number) }
        for number in 1...100 as ClosedRange<UInt64> { memory.remember(order(number), now: Self.now) }
        for number in 1...100 as ClosedRange<UInt64> { #expect(memory.refuses(order(number), issuedAt: Self.now)) }
        #expect(!memory.refuses(order(101), issuedAt: Self.now))
        memory.remember(order(101), now: Self.now)  // One over the limit: the cut moves.
        #expect(memory.refuses(order(55), issuedAt: Self.now))
        let later = Self.now.advanced(milliseconds: RefusalMemory.clockSlackMilliseconds)
        #expect(!memory.refuses(order(200), issuedAt: later))
    }

    @Test(
        "the desk refuses by phase, quantity and sold-out flag, in this order",
        arguments: [
            (LotRules.Phase.warming, 1, Refusal.notStarted(opensAt: Self.now)),
            (.paused, 1, .paused), (.closed, 1, .ended), (.open, 0, .invalidQuantity(0, limit: 2)),
            (.open, 3, .invalidQuantity(3, limit: 2)), (.open, -1, .invalidQuantity(-1, limit: 2)),
        ])
    func deskRefusesInFixedOrder(phase: LotRules.Phase, quantity: Int, refusal: Refusal) {
        let desk = self.desk(phase)
        let answer = desk.answer(
            order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: quantity, issuedAt: Self.now,
            now: Self.now.advanced(milliseconds: 5))
        #expect(answer == .refused(refusal))
    }

    /// A front desk in a class: expectations cannot call mutating methods.
    private final class Desk {
        var desk = FrontDesk()
        func configure(_ rules: [LotRules]) { self.desk.configure(rules) }
        func load(_ book: UnitBook, now: Instant) { self.desk.load(book, now: now) }
        func beginAdmission(_ order: OrderID) { self.desk.beginAdmission(order) }
        func addCopy(_ order: OrderID, _ ticket: UInt64) -> FrontDesk.Copy? { self.desk.addCopy(order) { ticket } }
        /// - Returns: Tickets that get an answer.
        @discardableResult
        func learn(_ publication: Publication) -> [UInt64] {
            self.desk.learn([publication], now: AdmissionTests.now).answers.map(\.ticket)
        }
        func takeOffered() -> [LotID: Int] { self.desk.takeOffered() }
        func answer(order: OrderID, lot: LotID, quantity: Int, issuedAt: Instant, now: Instant) -> Answer? {
            let purchase = Purchase(
                order: order, buyer: BuyerID("a")!, lot: lot, quantity: quantity, issuedAt: issuedAt)
            return self.desk.answer(to: purchase, now: now)
        }
    }

    private func desk(_ phase: LotRules.Phase) -> Desk {
        let desk = Desk()
        desk.configure([
            LotRules(
                lot: LotID(1), phase: phase, opensAt: Self.now, closesAt: Self.now.advanced(milliseconds: 60_000),
                buyerLimit: 2, paymentWindowMilliseconds: 1_000)
        ])
        return desk
    }

    @Test("no lot opens before the clock is surely past its start") func lotNeverOpensEarly() {
        let desk = self.desk(.open)
        let justAfter = Instant(microseconds: Self.now.microseconds + 499)
        let answer = desk.answer(
            order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: 1, issuedAt: Self.now, now: justAfter)
        #expect(answer == .refused(.notStarted(opensAt: Self.now)))
        let surely = Instant(microseconds: Self.now.microseconds + 500)
        #expect(
            desk.answer(order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: 1, issuedAt: Self.now, now: surely)
                == nil)
    }

    @Test("the flag refuses new requests, but not a copy of a request that is being decided")
    func soldOutFlagSparesCopies() {
        let desk = self.desk(.open)
        let later = Self.now.advanced(milliseconds: 5)
        let order = OrderID(high: 4, low: 4)
        #expect(desk.addCopy(order, 1) == nil)
        desk.beginAdmission(order)
        desk.learn(.soldOut(LotID(1), true))
        #expect(desk.answer(order: order, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later) == nil)
        let other = OrderID(high: 5, low: 5)
        #expect(
            desk.answer(order: other, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
                == .refused(.soldOut(requested: 1)))
        desk.learn(.soldOut(LotID(1), false))
        // One order id has one outcome.
        #expect(
            desk.answer(order: other, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
                == .refused(.soldOut(requested: 1)))
        #expect(desk.takeOffered() == [LotID(1): 1])
    }

    @Test("a few copies of a request wait beside it, and get its answer") func copiesGetTheFirstAnswer() {
        let desk = self.desk(.open)
        let request = BuyRequest(
            Purchase(
                order: OrderID(high: 8, low: 8), buyer: BuyerID("a")!, lot: LotID(1), quantity: 1, issuedAt: Self.now),
            stamp: Stamp(Self.now), ticket: 1)
        desk.beginAdmission(request.order)
        for ticket in 0..<UInt64(Limits.copiesPerRequest) {
            #expect(desk.addCopy(request.order, 10 + ticket) == .waits)
        }
        #expect(desk.addCopy(request.order, 99) == .tooMany)
        #expect(desk.learn(.answer(request, .refused(.restocking))) == [1, 10, 11, 12, 13])
        #expect(desk.addCopy(request.order, 20) == nil, "the next one is a first one again")
    }

    @Test("after a restart, a lot that was sold out refuses every token made before") func restartCutsOldTokens() {
        var book = UnitBook()
        book.apply(.soldOut(LotID(1)))
        let desk = self.desk(.open)
        desk.load(book, now: Self.now.advanced(milliseconds: 10))
        let later = Self.now.advanced(milliseconds: 5_000)
        // Redis may have admitted it, and the ledger lost it; or an earlier process refused it for ever. Only the
        // survey of Redis shows which.
        #expect(
            desk.answer(order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
                == .refused(.recovering))
        desk.learn(.recovered)
        #expect(
            desk.answer(order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
                == .refused(.soldOut(requested: 1)))
        #expect(
            desk.answer(order: OrderID(high: 1, low: 1), lot: LotID(1), quantity: 1, issuedAt: later, now: later) == nil
        )
    }

    @Test("a withheld order is neither sold out nor known before Redis has been primed with it")
    func withheldOrderIsNotRefused() {
        let desk = self.desk(.open)
        let later = Self.now.advanced(milliseconds: 5)
        let request = BuyRequest(
            Purchase(
                order: OrderID(high: 8, low: 8), buyer: BuyerID("a")!, lot: LotID(1), quantity: 1, issuedAt: Self.now),
            stamp: Stamp(Self.now), ticket: 1)
        desk.beginAdmission(request.order)
        #expect(desk.addCopy(request.order, 2) == .waits)
        #expect(desk.learn(.withheld(request)) == [1, 2])
        desk.learn(.soldOut(LotID(1), true))
        func ask() -> Answer? {
            desk.answer(order: request.order, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
        }
        #expect(ask() == .refused(.recovering))
        let order = Order(
            id: request.order, buyer: request.buyer, lot: LotID(1), quantity: 1, buyerLimit: 2,
            generation: Generation(1), stamp: request.stamp, deadline: .distantFuture)
        desk.learn(.changed(order))
        #expect(ask() == .order(order))
    }

    @Test("a copy of a request that admission is deciding is not refused from memory")
    func copyInAdmissionIsNotRefused() {
        let desk = self.desk(.open)
        let order = OrderID(high: 3, low: 3)
        let later = Self.now.advanced(milliseconds: 5_000)
        #expect(desk.answer(order: order, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later) == nil)
        desk.beginAdmission(order)
        // Meanwhile the memory is full, or lost: every token made before now is refused.
        var book = UnitBook()
        book.apply(.soldOut(LotID(1)))
        let fresh = self.desk(.open)
        fresh.load(book, now: later)
        fresh.learn(.recovered)
        fresh.beginAdmission(order)
        #expect(fresh.answer(order: order, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later) == nil)
        let other = OrderID(high: 4, low: 4)
        #expect(
            fresh.answer(order: other, lot: LotID(1), quantity: 1, issuedAt: Self.now, now: later)
                == .refused(.soldOut(requested: 1)))
    }

    @Test("a sale takes only the steps that its state allows") func saleTakesAllowedStepsOnly() {
        var allowed: [SaleState: [SaleState.Step]] = [:]
        for state in SaleState.allCases { allowed[state] = state.steps }
        #expect(
            allowed == [
                .draft: [.warm], .warming: [.open, .close], .open: [.pause, .close], .paused: [.resume, .close],
                .closed: [.settle], .settled: [],
            ])
    }

    @Test(
        "the core imports nothing, and uses no clock, randomness or suspension",
        arguments: [
            "import ", ".now()", "Date(", ".random(", ".shuffled()", "Task ", " async ", "await ",
            "nonisolated(unsafe)", "@unchecked", "try!", "print(",
        ])
    func coreIsPure(banned: String) throws {
        for (path, text) in try Sources.files(below: "Sources/TrancheCore") {
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
                // A draw from the caller's generator is an argument, and not this module's randomness.
                if banned == ".random(", line.contains("using: &generator") { continue }
                #expect(!code.contains(banned), "\(path):\(number + 1): \(line)")
            }
        }
    }
}
