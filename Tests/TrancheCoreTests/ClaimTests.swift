import Testing
import TrancheCore

/// Items that come back, and the buyers who waited for them.
@Suite("Claims of returned stock") struct ClaimTests {
    private static func order(_ number: UInt64) -> OrderID { OrderID(high: number, low: number) }

    /// A unit in a contest, with a payment window of one second.
    private static func bench(claimWindowMilliseconds: Int64? = 300) -> Bench {
        let bench = ContestUnitTests.bench()
        bench.feed(
            .configured([
                LotRules(
                    lot: Bench.lot, phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                    paymentWindowMilliseconds: 1_000, claimWindowMilliseconds: claimWindowMilliseconds)
            ]))
        return bench
    }

    private static func events(_ bench: Bench, of order: OrderID) -> [OutboxEvent.Kind] {
        bench.entries.enumerated().flatMap { $1.events(at: UInt64($0 + 1), generation: Generation(1)) }
            .filter { $0.order == order }.map(\.kind)
    }

    @Test("an order that waited has the claim window and is told as an offer; one that did not, the payment window")
    func waitingOrdersAreOffered() throws {
        let bench = Self.bench()
        bench.buy("c")
        bench.buy("d")
        bench.hear([(Self.order(3), .allocated), (Self.order(4), .waitlisted)], next: 2, allowance: 3)
        bench.hear([(Self.order(4), .allocated)], next: 2, allowance: 3, from: 2)
        let (won, offered) = (bench.machine.book.orders[Self.order(3)], bench.machine.book.orders[Self.order(4)])
        #expect(won?.deadline == bench.now.advanced(milliseconds: 1_000))
        #expect(offered?.deadline == bench.now.advanced(milliseconds: 300))
        #expect(Self.events(bench, of: Self.order(3)) == [.won])
        #expect(Self.events(bench, of: Self.order(4)) == [.claimOffered])
        let event = try #require(
            bench.entries.last { if case .allocated(_, isOffer: true) = $0 { true } else { false } }?
                .events(at: 9, generation: Generation(1)).first)
        #expect(event.facts?.deadline == offered?.deadline, "the shop learns until when")
    }

    @Test("what is not claimed in its window goes back, for the next in line, and the offer of that one is told")
    func unclaimedGoesOn() {
        let bench = Self.bench()
        bench.buy("c")
        bench.buy("d")
        bench.hear([(Self.order(3), .waitlisted), (Self.order(4), .waitlisted)], next: 2, allowance: 3)
        bench.hear([(Self.order(3), .allocated)], next: 2, allowance: 3, from: 2)
        let returned = bench.counters.returned
        bench.now = bench.now.advanced(milliseconds: 299)
        bench.feed(.tick)
        #expect(bench.machine.book.orders[Self.order(3)]?.state == .reserved)
        bench.now = bench.now.advanced(milliseconds: 1)
        bench.feed(.tick)
        #expect(bench.machine.book.orders[Self.order(3)]?.state == .expired)
        #expect(bench.counters.returned == returned + 1)
        #expect(Self.events(bench, of: Self.order(3)) == [.claimOffered, .expired, .stockReturned])
        bench.hear([(Self.order(4), .allocated)], next: 2, allowance: 3, from: 3)
        #expect(bench.machine.book.orders[Self.order(4)]?.deadline == bench.now.advanced(milliseconds: 300))
        #expect(Self.events(bench, of: Self.order(4)) == [.claimOffered])
    }

    @Test("without a claim window the payment window counts, and the order is told as an offer all the same")
    func windowByDefault() {
        let bench = Self.bench(claimWindowMilliseconds: nil)
        bench.buy("c")
        bench.hear([(Self.order(3), .waitlisted), (Self.order(3), .allocated)], next: 1, allowance: 3)
        #expect(bench.machine.book.orders[Self.order(3)]?.deadline == bench.now.advanced(milliseconds: 1_000))
        #expect(Self.events(bench, of: Self.order(3)) == [.claimOffered])
    }

    @Test("the next process hears all verdicts again, and knows who waited before it began")
    func restartKeepsTheLine() {
        let bench = Self.bench()
        bench.buy("c")
        bench.hear([(Self.order(3), .waitlisted)], next: 1, allowance: 3)
        let next = Bench(book: bench.machine.book)
        next.now = bench.now
        next.redis = bench.redis
        next.start(granted: 4)
        next.feed(.directives(next.directives(granted: 4, contest: 3)))
        next.hear([(Self.order(3), .waitlisted), (Self.order(3), .allocated)], next: 1, allowance: 3)
        #expect(Self.events(next, of: Self.order(3)) == [.claimOffered])
        next.hear([(Self.order(3), .waitlisted), (Self.order(3), .allocated)], next: 1, allowance: 3)
        #expect(Self.events(next, of: Self.order(3)) == [.claimOffered], "once")
    }

    @Test("the front desk shows an offer as one until it is paid or has ended") func deskShowsOffers() {
        var desk = FrontDesk()
        var order = Order(
            id: Self.order(1), buyer: BuyerID("a")!, lot: Bench.lot, quantity: 1, buyerLimit: 1,
            generation: Generation(1), state: .contested, stamp: Stamp(rawValue: 1), deadline: .distantFuture)
        func learn(_ publication: Publication) { _ = desk.learn([publication], now: .distantPast) }
        learn(.changed(order))
        learn(.waitlisted(order.id, WaitlistPosition(ahead: nil, mayReturn: 2)))
        for (state, isKnown) in [(OrderState.reserved, true), (.paid, false)] {
            order.state = state
            learn(.changed(order))
            #expect((desk.position(of: order.id) != nil) == isKnown)
        }
        var never = order
        never.state = .reserved
        learn(.changed(never))
        #expect(desk.position(of: order.id) == nil, "an order that did not wait is no offer")
    }
}
