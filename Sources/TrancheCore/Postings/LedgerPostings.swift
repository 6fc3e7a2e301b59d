/// Makes postings of one unit's ledger: what became of the items that the unit might promise.
package struct LedgerPostings: Sendable {
    private let unit: UnitID
    private let lots: Set<LotID>
    private let refunds: Set<OrderID>
    /// The lots of the orders whose payment is due back: such an entry names none.
    private var refundLots: [OrderID: LotID] = [:]
    private var cursor = OutboxCursor.start
    /// Final refusals that the ledger has, by lot.
    package private(set) var refusals: [LotID: Int] = [:]
    /// The first and the last moment of an order of the sale, by the unit's clock.
    package private(set) var first: Instant?
    package private(set) var last: Instant?
    /// Orders of the sale that the unit has taken.
    package private(set) var orders = 0
    /// Hashes of the buyers of these orders; `nil` if nobody asked. They are 8 bytes for each buyer.
    private var seenBuyers: Set<UInt64>?
    /// Buyers with an order; `nil` if they are not counted.
    package var buyers: Int? { self.seenBuyers?.count }

    /// - Parameters:
    ///   - lots: The lots of the sale.
    ///   - refunds: The orders of all entries `refundDue` of the ledger.
    ///   - owed: Orders that only replaced ledgers of the unit know: a payment of one may have to go back, too.
    ///   - countsBuyers: Whether buyers are counted, which takes memory.
    package init(
        unit: UnitID, lots: Set<LotID>, refunds: Set<OrderID>, owed: [Order] = [], countsBuyers: Bool = false
    ) {
        self.seenBuyers = countsBuyers ? [] : nil
        (self.unit, self.lots, self.refunds) = (unit, lots, refunds)
        for order in owed where refunds.contains(order.id) { self.refundLots[order.id] = order.lot }
    }

    /// Takes the next entry of the ledger in.
    package mutating func take(_ entry: LedgerEntry, at position: UInt64, into postings: inout [Posting]) {
        let place = OutboxPlace(generation: self.cursor.generation, position: position, index: 0)
        _ = self.cursor.pass(entry, at: position)
        let source = Posting.Source.entry(self.unit, place)
        switch entry {
        case .reserved(let order):
            self.note(order)
            self.addPosting(.reserved, order, from: self.quota(order), to: .held(self.unit), source, into: &postings)
        case .allocated(let order, _) where order.state == .reserved:
            self.addPosting(.won, order, from: self.quota(order), to: .held(self.unit), source, into: &postings)
        case .confirmed(let order, let payment):
            self.addPosting(.paid, order, from: .held(self.unit), to: .paid(self.unit), source, into: &postings)
            self.addPosting(.paymentTaken, order.id, order.lot, payment, to: .taken(self.unit), source, into: &postings)
        case .released(let order, let state):
            self.addPosting(
                state == .expired ? .expired : .cancelled, order, from: .held(self.unit), to: self.quota(order), source,
                into: &postings)
        case .revived(let order, let payment):
            self.addPosting(.revived, order, from: self.quota(order), to: .paid(self.unit), source, into: &postings)
            self.addPosting(.paymentTaken, order.id, order.lot, payment, to: .taken(self.unit), source, into: &postings)
        case .refundDue(let refund):
            // A payment of an order that no ledger knows belongs to no lot, and so to no sale.
            guard let lot = self.refundLots[refund.order] else { return }
            self.addPosting(
                .refundDue, refund.order, lot, refund.payment, to: .refundDue(self.unit), source, into: &postings)
        case .contested(let order, _): self.note(order)
        case .refused(_, let lot, _): if self.lots.contains(lot) { self.refusals[lot, default: 0] += 1 }
        case .opened, .generation, .granted, .returned, .nonce, .soldOut, .contended, .allocated, .lost, .ceiling,
            .ceilingReset, .redis, .archived, .branched, .received, .refunded, .doubt:
            return
        }
    }

    private func quota(_ order: Order) -> PostingAccount { .quota(self.unit, order.generation) }

    private mutating func note(_ order: Order) {
        guard self.lots.contains(order.lot) else { return }
        self.orders += 1
        self.seenBuyers?.insert(HomeUnit.hash(of: order.buyer))
        let at = order.stamp.instant
        self.first = min(self.first ?? at, at)
        self.last = max(self.last ?? at, at)
        if self.refunds.contains(order.id) { self.refundLots[order.id] = order.lot }
    }

    private func addPosting(
        _ kind: Posting.Kind, _ order: Order, from: PostingAccount, to: PostingAccount, _ source: Posting.Source,
        into postings: inout [Posting]
    ) {
        guard self.lots.contains(order.lot) else { return }
        postings.append(
            Posting(
                kind, lot: order.lot, from: from, to: to, quantity: Int(order.quantity), source: source, order: order.id
            ))
    }

    private func addPosting(
        _ kind: Posting.Kind, _ order: OrderID, _ lot: LotID, _ payment: PaymentID, to: PostingAccount,
        _ source: Posting.Source, into postings: inout [Posting]
    ) {
        guard self.lots.contains(lot) else { return }
        postings.append(
            Posting(
                kind, lot: lot, from: .received(self.unit), to: to, quantity: 1, source: source, order: order,
                payment: payment))
    }
}

extension Posting {
    /// An order that only a replaced ledger knows keeps its items.
    package static func owed(_ order: Order, of unit: UnitID) -> Posting {
        Posting(
            .owed, lot: order.lot, from: .quota(unit, order.generation), to: .owed(unit, order.generation),
            quantity: Int(order.quantity), source: .lost(unit), order: order.id)
    }
}
