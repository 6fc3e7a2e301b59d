import Testing
import TrancheCore

@Suite("Archiving of settled lots") struct ArchiveMachineTests {
    private func configure(_ bench: Bench, _ phase: LotRules.Phase, isSettled: Bool) {
        bench.feed(
            .configured([
                LotRules(
                    lot: Bench.lot, phase: phase, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 1,
                    paymentWindowMilliseconds: 1_000, isSettled: isSettled)
            ]))
    }

    /// A look for lots that may be archived.
    private func look(_ bench: Bench) {
        bench.now = bench.now.advanced(milliseconds: 10_000)
        bench.feed(.tick)
    }

    private func seal(_ orders: Int) -> ArchivedLot {
        ArchivedLot(lot: Bench.lot, orders: orders, digest: ChainDigest(high: 1, low: 2))
    }

    /// Two orders: one paid, one reserved for a day.
    private func sold() -> (bench: Bench, paid: OrderID, open: OrderID) {
        let bench = Bench(granted: 5, limit: 1, windowMilliseconds: 86_400_000)
        let (paid, open) = (bench.buy("a")!.order!.id, bench.buy("b")!.order!.id)
        bench.feed(.payment(paid, payment: PaymentID("p")!, ticket: 1))
        return (bench, paid, open)
    }

    @Test("nothing is archived before the sale is settled, or while an order may change") func nothingOpenIsArchived() {
        let (bench, _, open) = self.sold()
        self.configure(bench, .closed, isSettled: false)
        self.look(bench)
        self.configure(bench, .closed, isSettled: true)
        self.look(bench)
        #expect(bench.archives.isEmpty, "one order waits for its payment")
        bench.feed(.cancel(open, ticket: 2))
        self.look(bench)
        #expect(bench.archives == [Bench.lot])
        self.look(bench)
        #expect(bench.archives == [Bench.lot], "one file at a time")
        bench.feed(.archiveEnded(nil))
        self.look(bench)
        #expect(bench.archives == [Bench.lot, Bench.lot], "a file that could not be written is tried again")
    }

    @Test("the orders leave the book with the entry, and the counters stay") func ordersLeaveWithEntry() {
        let (bench, paid, open) = self.sold()
        bench.feed(.cancel(open, ticket: 2))
        self.configure(bench, .closed, isSettled: true)
        self.look(bench)
        let before = bench.counters
        bench.feed(.archiveEnded(self.seal(3)))
        #expect(bench.machine.book.orders.count == 2, "the file has not the orders of the book")
        self.look(bench)
        bench.feed(.archiveEnded(self.seal(2)))
        #expect(bench.entries.last == .archived(self.seal(2)))
        #expect(bench.machine.book.orders.isEmpty && bench.machine.book.orders[paid] == nil)
        #expect(bench.counters == before)
        #expect(bench.machine.book.held(by: BuyerID("a")!, lot: Bench.lot) == 0)
        // A restart reports the same figures, so that the settled sale stays settled.
        var book = UnitBook()
        for entry in bench.entries { book.apply(entry) }
        let again = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 10, book: book, head: .empty)
        #expect(again.book.archived[Bench.lot] == self.seal(2))
        #expect(again.book[Bench.lot] == before)
        self.look(bench)
        #expect(bench.archives.count == 2, "a lot is archived once")
    }

    @Test("payments and cancellations of archived orders have the outcomes that they have in the book")
    func archivedOrdersHaveSameOutcomes() {
        for state in [OrderState.paid, .cancelled, .expired, .lost] {
            let (inBook, archived) = (Bench(granted: 5), Bench(granted: 5))
            let id = inBook.buy("a")!.order!.id
            let payment = state == .paid ? PaymentID("p") : nil
            switch state {
            case .paid: inBook.feed(.payment(id, payment: payment!, ticket: 1))
            case .cancelled: inBook.feed(.cancel(id, ticket: 1))
            case .expired:
                inBook.now = inBook.now.advanced(milliseconds: 5_000)
                inBook.feed(.tick)
            default: continue
            }
            let order = inBook.machine.book.orders[id]!
            #expect(order.state == state)
            let stored = StoredOrder(order: order, payment: payment)
            (inBook.others, inBook.entries) = ([], [])
            for text in ["p", "q", "q"] {
                inBook.feed(.payment(id, payment: PaymentID(text)!, ticket: 2))
                archived.feed(
                    .archivedPayment(
                        stored, PaymentNotice(order: id, payment: PaymentID(text)!), ticket: 2))
            }
            inBook.feed(.cancel(id, ticket: 3))
            archived.feed(.archivedCancel(stored, ticket: 3))
            #expect(archived.others == inBook.others, "\(state.name)")
            #expect(archived.machine.book.refunds == inBook.machine.book.refunds, "\(state.name)")
            #expect(archived.entries.suffix(inBook.entries.count) == inBook.entries[...], "\(state.name)")
        }
    }
}
