import SampleShop
import Testing
import TrancheAPI
import TrancheCore

/// What the shop reads of an event, and what it makes of an order.
@Suite("The shop's orders") struct ShopOrderTests {
    private func taken(_ events: [ShopEvent?]) throws -> (order: ShopOrder, outcomes: [ShopOrder.Outcome]) {
        var order = ShopOrder.none
        let outcomes = try events.map { order.take(try #require($0)) }
        return (order, outcomes)
    }

    @Test("an order is reserved, paid, and its payment is known") func orderIsPaid() throws {
        let (order, outcomes) = try self.taken([
            SampleEvents.event(5, "reserved"), SampleEvents.event(9, "paid", payment: "p1"),
        ])
        #expect(outcomes == [.applied, .applied])
        #expect((order.state, order.payment) == ("paid", "p1"))
    }

    @Test("an order that a contest gave its items is reserved, and then it expires") func winnerExpires() throws {
        let (order, outcomes) = try self.taken([
            SampleEvents.event(5, "won"), SampleEvents.event(8, "expired"),
            SampleEvents.event(8, "stock_returned", index: 1),
        ])
        #expect(outcomes == [.applied, .applied, .ignored])
        #expect(order.state == "expired")
    }

    @Test("an event behind a newer one of its order is history") func olderEventsAreHistory() throws {
        let (order, outcomes) = try self.taken([
            SampleEvents.event(9, "paid", payment: "p1"), SampleEvents.event(5, "reserved"),
            SampleEvents.event(2, "expired", generation: 2), SampleEvents.event(10, "cancelled"),
        ])
        #expect(outcomes == [.applied, .history, .applied, .history], "a later generation is newer at any position")
        #expect(order.state == "expired")
    }

    @Test("a payment to give back leaves the order as it is") func refundChangesNoState() throws {
        let refund = try SampleEvents.event(12, "refund_due", payment: "p2", reason: "the order was over")
        let (order, outcomes) = try self.taken([SampleEvents.event(8, "expired"), refund])
        #expect(outcomes == [.applied, .applied])
        #expect((order.state, order.payment) == ("expired", nil))
        #expect(refund?.change == .refund(reason: "the order was over"))
        #expect(try self.taken([refund]).order.state == ShopOrder.unheard)
    }

    @Test("the shop knows every kind of event that a unit sends, and no other") func kindsAreKnown() throws {
        for kind in OutboxEvent.Kind.allCases {
            #expect(try SampleEvents.event(1, kind.name, payment: "p") != nil, "\(kind.name)")
        }
        #expect(try SampleEvents.event(1, "gift_wrapped") == nil)
        // Whatever else an unknown type has in it.
        #expect(try ShopEvent(id: "x", Array("{\"type\":\"tranche.sale.opened\"}".utf8)) == nil)
    }

    @Test("an event without its parts is refused, and the detail names the part")
    func brokenEventsAreRefused() throws {
        let id = SampleEvents.id(5)
        func problem(_ id: String, _ body: [UInt8]) -> Problem? {
            do throws(Problem) {
                _ = try ShopEvent(id: id, body)
                return nil
            } catch { return error }
        }
        #expect(problem(id, Array("hello".utf8))?.code == "invalid_json")
        #expect(problem(id, Array("{}".utf8))?.detail.contains("\"type\" is missing") == true)
        let other = problem(SampleEvents.id(6), SampleEvents.body(id, "paid"))
        #expect(other?.code == "invalid_event")
        #expect(other?.detail.contains("1:1:5:0") == true)
        for bad in ["5", "1:1:5", "1:1:5:0:0", "1:1:-5:0", "a:b:c:d", "1:1::0"] {
            #expect(problem(bad, SampleEvents.body(bad, "paid"))?.code == "invalid_event", "\(bad)")
        }
        for bad in ["", "5F0C" + SampleEvents.order.dropFirst(4), SampleEvents.order + "0"] {
            #expect(problem(id, SampleEvents.body(id, "paid", order: bad))?.detail.contains("subject") == true)
        }
        #expect(problem(id, SampleEvents.body(id, "refund_due"))?.detail.contains("no payment") == true)
    }
}
