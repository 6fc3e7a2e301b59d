// How the orders of a settled sale leave the unit's memory.
//
// The shell writes them to the lot's file first, and the machine takes them out by a ledger entry with the file's digest. The
// entry decides: without it a file does not count, and the orders are in the book.

extension UnitMachine {
    /// Pause between two looks for lots that may be archived, in milliseconds: each looks at every order.
    static let archivePauseMilliseconds: Int64 = 5_000

    /// Has the orders of one settled lot written to its archive, if there is such a lot.
    mutating func archiveSettled(into output: inout UnitOutput) {
        guard self.archiveUnderway == nil, self.steady >= self.archiveAt else { return }
        self.archiveAt = self.steady.advanced(milliseconds: Self.archivePauseMilliseconds)
        guard let lot = self.lots.keys.first(where: { self.archivableOrders($0) ?? 0 > 0 }) else { return }
        self.archiveUnderway = lot
        output.add(.archive(lot))
    }

    /// The shell has written a lot's file; `nil` if it could not.
    mutating func archiveEnded(_ archived: ArchivedLot?, into output: inout UnitOutput) {
        self.archiveUnderway = nil
        // An order of the lot that came meanwhile, from a Redis that knew more than the ledger: the file is written again.
        guard let archived, self.archivableOrders(archived.lot) == archived.orders else { return }
        self.append(.archived(archived), into: &output)
        output.add(.archived(archived.lot, left: self.book.orders))
    }

    /// How many orders may go to the lot's archive; `nil` while any of them may change, or one may be added.
    ///
    /// A sale is settled when every unit has reported that nothing of it waits for a payment. A lot is archived once: orders
    /// that an unlikely Redis adds later stay in the book.
    private func archivableOrders(_ lot: LotID) -> Int? {
        guard let state = self.lots[lot], state.rules?.isSettled == true, self.book.archived[lot] == nil,
            state.waiting.isEmpty, state.starved.isEmpty, state.late.isEmpty, !state.redis.hasUnconfirmed,
            self.survey != nil,
            // What the provider says later of an order in doubt is about an order in the book.
            !self.book.doubts.contains(where: { self.book.orders[$0]?.lot == lot })
        else { return nil }
        return self.book.orders.finalCount(of: lot)
    }

    /// A payment for an order that is in an archive. It has the outcome that it would have in the book.
    mutating func pay(
        _ archived: StoredOrder, _ notice: PaymentNotice, _ ticket: UInt64, now: Instant, into output: inout UnitOutput
    ) {
        var order = archived.order
        // Only a damaged file has one: nothing in an archive can still be paid.
        if order.state == .reserved { order.state = .expired }
        let ended = StoredOrder(order: order, payment: archived.payment)
        self.take(notice, of: ended, ticket: ticket, now: now, into: &output)
    }

    mutating func cancel(_ archived: StoredOrder, _ ticket: UInt64, into output: inout UnitOutput) {
        let order = archived.order
        let answer =
            order.state == .cancelled
            ? Answer.order(order) : .refused(.notCancellable(order.id, state: order.state))
        output.add(.answerTicket(ticket, answer))
    }
}
