import Testing
import TrancheCore

/// One order id has one outcome, also when its buyer goes to another unit.
@Suite("Refusals before and after a unit is added") struct BranchRefusalTests {
    private static let (mover, stayer) = (BranchTests.movers[0], BranchTests.stayers[0])

    private func purchase(_ buyer: String, _ id: UInt64, at now: Instant) -> Purchase {
        Purchase(
            order: OrderID(high: 1, low: id), buyer: BuyerID(buyer)!, lot: Bench.lot, quantity: 1, issuedAt: now)
    }

    @Test("a token from before the branch stays refused, if the lot was ever sold out; a later one is referred")
    func earlierTokensStayRefused() {
        let bench = Bench(granted: 0)
        #expect(bench.buy(Self.stayer) == .refused(.soldOut(requested: 1)))
        bench.feed(.directives(BranchTests.directives(bench)))
        #expect(bench.buy(Self.mover) == .refused(.soldOut(requested: 1)))
        bench.now = bench.now.advanced(milliseconds: Branch.refusalSlackMilliseconds)
        #expect(bench.buy(Self.mover) == BranchTests.referred)
    }

    @Test("a home whose ledger was set back since refers all: its branch may have sold what it would refuse")
    func setBackHomeRefersAll() {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        book.apply(.soldOut(Bench.lot))
        book.apply(.generation(Generation(2)))
        let bench = Bench(book: book)
        bench.start(granted: 0)
        bench.feed(.registered(.accepted(BranchTests.directives(bench))))
        #expect(bench.machine.book.branches[Bench.lot]?.first?.refusedBefore == .distantPast)
        #expect(bench.buy(Self.mover) == BranchTests.referred)
    }

    @Test("the desk refuses nobody from its flag or memory who may be referred, and says what it remembers")
    func deskAsksTheEngine() throws {
        var desk = FrontDesk()
        let now = Instant(milliseconds: 1_700_000_000_000)
        let rules = LotRules(
            lot: Bench.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 1,
            paymentWindowMilliseconds: 1_000)
        desk.configure([rules])
        _ = desk.learn([.soldOut(Bench.lot, true)], now: now)
        let mover = self.purchase(Self.mover, 1, at: now)
        #expect(desk.answer(to: mover, now: now) == .refused(.soldOut(requested: 1)))
        let branch = Branch(home: UnitID(1), unit: BranchTests.branch)
        _ = desk.learn([.branched(Bench.lot, branch)], now: now)
        #expect(desk.answer(to: mover, now: now) == nil)
        #expect(desk.remembers(mover) && !desk.remembers(self.purchase(Self.mover, 2, at: now)))
        let stayer = self.purchase(Self.stayer, 3, at: now)
        #expect(desk.answer(to: stayer, now: now) == .refused(.soldOut(requested: 1)))

        var book = UnitBook()
        book.apply(.soldOut(Bench.lot))
        book.apply(.branched(Bench.lot, branch))
        desk.load(book, now: now)
        #expect(desk.answer(to: mover, now: now) == .refused(.recovering), "before Redis was asked")
        _ = desk.learn([.recovered], now: now)
        #expect(desk.answer(to: mover, now: now) == nil)
        #expect(desk.remembers(self.purchase(Self.mover, 2, at: now)), "the cut")
        #expect(desk.answer(to: stayer, now: now) == .refused(.soldOut(requested: 1)))
    }

    @Test("what the desk remembers of a buyer who stays is refused, although stock has come back")
    func rememberedRefusalOfAKeptBuyerStays() throws {
        let bench = Bench(granted: 3)
        bench.buy(Self.mover)
        bench.feed(.directives(BranchTests.directives(bench)))
        func request(_ buyer: String, _ ticket: UInt64) -> BuyRequest {
            BuyRequest(
                self.purchase(buyer, ticket, at: bench.now), stamp: Stamp(bench.now), ticket: ticket, isRemembered: true
            )
        }
        bench.feed(.requests([request(Self.mover, 100), request(BranchTests.movers[1], 101)]))
        func answer(_ ticket: UInt64) -> Answer? { bench.replies.last { $0.request.ticket == ticket }?.answer }
        #expect(answer(100) == .refused(.soldOut(requested: 1)))
        #expect(answer(101) == BranchTests.referred)
    }
}
