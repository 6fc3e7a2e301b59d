import SampleShop
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// The shop's book on disk.
@Suite("The shop's book") struct ShopBookTests {
    private func take(_ book: ShopBook, _ event: ShopEvent?) async throws -> ShopOrder.Outcome {
        try await book.take(try #require(event))
    }

    @Test("an id is handled once, also by a shop that was started again") func idsAreHandledOnce() async throws {
        let folder = try TemporaryFolder.make()
        let first = try ShopBook(folder: folder)
        #expect(try await self.take(first, SampleEvents.event(5, "reserved")) == .applied)
        #expect(try await self.take(first, SampleEvents.event(5, "reserved")) == .duplicate)
        let second = try ShopBook(folder: folder)
        #expect(try await self.take(second, SampleEvents.event(5, "reserved")) == .duplicate)
        #expect(try await self.take(second, SampleEvents.event(9, "paid", payment: "p1")) == .applied)
        #expect(try await self.take(second, SampleEvents.event(7, "expired")) == .history)
        #expect(try await self.take(second, SampleEvents.event(7, "expired")) == .duplicate)
        #expect(try await self.take(second, SampleEvents.event(7, "cancelled")) == .conflict)
        let page = try await second.page(after: "")
        #expect(page.orders.map(\.order) == [SampleEvents.order])
        #expect(page.orders.map(\.payment) == ["p1"])
        #expect(page.counts == ["paid": 1])
        #expect(page.next == nil)
    }

    @Test("a payment is to be given back once for its order, under any id") func refundsAreKeptOnce() async throws {
        let book = try ShopBook(folder: try TemporaryFolder.make())
        for position in [7, 12] {
            let refund = try SampleEvents.event(position, "refund_due", payment: "p2", reason: "late")
            #expect(try await self.take(book, refund) == .applied)
        }
        #expect(try await self.take(book, SampleEvents.event(3, "expired")) == .applied, "a refund is no state")
        let other = try SampleEvents.event(13, "refund_due", payment: "p3", reason: "late")
        #expect(try await self.take(book, other) == .applied)
        let order = try #require(try await book.page(after: "").orders.first)
        #expect(order.state == "expired")
        #expect(order.refunds.map(\.payment) == ["p2", "p3"])
    }

    @Test("every line of the book as a list can be compared with the ledgers") func listIsRead() async throws {
        let book = try ShopBook(folder: try TemporaryFolder.make())
        let ids = (1...6).map { String(repeating: "0", count: 31) + "\($0)" }
        let kinds = ["reserved", "paid", "expired", "cancelled", "lost", "refund_due"]
        for (number, (id, kind)) in zip(ids, kinds).enumerated() {
            let payment: String? = kind == "paid" ? #"pay,\"1\""# : kind == "refund_due" ? "p6" : nil
            _ = try await self.take(
                book, SampleEvents.event(number + 1, kind, order: id, payment: payment, reason: "late"))
        }
        // An order whose end is known, with a refund.
        _ = try await self.take(
            book, SampleEvents.event(9, "refund_due", order: ids[2], payment: "p3", reason: "late"))
        let table = try ListedOrderTable(title: BookPage.csvTitle.replacing("\r\n", with: ""))
        let lines = try await book.page(after: "").csv.split(separator: "\r\n")
        let listed = try lines.map { try table.row(String($0)) }
        #expect(listed.map(\.order.description) == ids)
        #expect(listed.map(\.state) == [.open, .paid, .over, .over, .over, .refundDue])
        #expect(listed.map { $0.payment?.rawValue } == [nil, "pay,\"1\"", nil, nil, nil, "p6"])
        #expect(lines[2].hasSuffix(",expired,,1"))
    }

    @Test("events that come together are all written, and pages have every order once")
    func pagesHaveEveryOrder() async throws {
        let book = try ShopBook(folder: try TemporaryFolder.make())
        let count = ShopBook.pageLimit + 7
        let orders = (1...count).map { number in
            let digits = String(number)
            return String(repeating: "0", count: 32 - digits.count) + digits
        }
        // Fewer than may wait, so that none is asked to come again.
        for start in stride(from: 0, to: count, by: 500) {
            try await withThrowingTaskGroup(of: ShopOrder.Outcome.self) { group in
                for (number, order) in orders.enumerated().dropFirst(start).prefix(500) {
                    group.addTask {
                        try await self.take(book, SampleEvents.event(number + 1, "reserved", order: order))
                    }
                }
                for try await outcome in group { #expect(outcome == .applied) }
            }
        }
        let first = try await book.page(after: "")
        #expect(first.orders.count == ShopBook.pageLimit)
        #expect(first.counts == ["reserved": count])
        let second = try await book.page(after: try #require(first.next))
        #expect(second.next == nil)
        #expect(second.counts == nil, "they are counted once")
        #expect((first.orders + second.orders).map(\.order) == orders)
    }
}
