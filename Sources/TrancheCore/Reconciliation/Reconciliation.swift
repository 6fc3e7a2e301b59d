/// Compares what ledgers and the authority log know of orders with the lists of a shop and of its payment provider.
///
/// It keeps a small row for each order. The rows may come in any order.
package struct Reconciliation: Sendable {
    struct Kept: Sendable {
        let lot: LotID
        let unit: UnitID
        var state: OrderState
        var deadline: Instant
        /// The event of the payment.
        var paid: OutboxPlace?
        var payment: PaymentID?
    }
    struct Due: Sendable {
        let unit: UnitID
        let event: OutboxPlace
        let payment: PaymentID
    }
    /// An event that a consumer did not take.
    struct Dead: Sendable {
        let order: OrderID
        let kind: OutboxEvent.Kind
        let unit: UnitID
        let consumer: String
        let reason: String
    }
    /// What one list says of one order.
    struct Listed: Sendable {
        /// By the last line.
        var state: ListedOrder.State
        var amount: Int?
        var charges = 0
        var refunds = 0
        /// Payments that were charged, each once for every line.
        var charged: [PaymentID: Int] = [:]
        /// Payments that were given back, each once for every line.
        var refunded: [PaymentID: Int] = [:]
    }

    /// How long a unit may take to end an order whose time is over, or that has a verdict.
    static let slackMilliseconds: Int64 = 60_000

    var kept: [OrderID: Kept] = [:]
    var due: [OrderID: [Due]] = [:]
    /// Orders that only replaced ledgers know.
    var owed: [OrderID: (order: Order, unit: UnitID)] = [:]
    var dead: [Dead] = []
    var shop: [OrderID: Listed] = [:]
    var provider: [OrderID: Listed] = [:]
    /// When the log decided orders of contests.
    var decided: [OrderID: Instant] = [:]
    var hasShop = false
    var hasProvider = false
    private var cursors: [UnitID: OutboxCursor] = [:]

    package init() {}

    /// The orders that ledgers in use know.
    package var count: Int { self.kept.count }

    /// Takes the next record of the authority log in.
    package mutating func take(_ record: AuthorityRecord) {
        guard case .contest(_, let batch) = record else { return }
        for order in batch.allocated + batch.released { self.decided[order] = batch.at }
    }

    /// Takes the next entry of a unit's ledger in.
    package mutating func take(_ entry: LedgerEntry, of unit: UnitID, at position: UInt64) {
        let generation = self.cursors[unit, default: .start].generation
        _ = self.cursors[unit, default: .start].pass(entry, at: position)
        let place = OutboxPlace(generation: generation, position: position, index: 0)
        switch entry {
        case .reserved(let order): self.keep(order, of: unit, .reserved)
        case .contested(let order, _): self.keep(order, of: unit, .contested)
        case .allocated(let order, _): self.keep(order, of: unit, order.state)
        case .lost(let order): self.keep(order, of: unit, order.state)
        case .released(let order, let state): self.keep(order, of: unit, state)
        case .confirmed(let order, let payment), .revived(let order, let payment):
            self.keep(order, of: unit, .paid)
            self.kept[order.id]?.paid = place
            self.kept[order.id]?.payment = payment
        case .refundDue(let refund):
            self.due[refund.order, default: []].append(Due(unit: unit, event: place, payment: refund.payment))
        case .opened, .generation, .granted, .returned, .refused, .nonce, .soldOut, .contended, .ceiling, .ceilingReset,
            .redis, .archived, .branched, .received, .refunded, .doubt:
            return
        }
    }

    /// An order that only replaced ledgers of a unit know, and that keeps its items.
    package mutating func takeOwed(_ order: Order, of unit: UnitID) {
        self.owed[order.id] = (order, unit)
    }

    /// A letter of a consumer of a unit's events. Only dead ones count: the others are still tried.
    package mutating func take(_ letter: RelayLetter, for consumer: String, of unit: UnitID) {
        guard letter.isDead else { return }
        self.dead.append(
            Dead(
                order: letter.event.order, kind: letter.event.kind, unit: unit, consumer: consumer,
                reason: letter.reason))
    }

    package mutating func takeShop(_ listed: ListedOrder) { Self.add(listed, to: &self.shop) }
    package mutating func takeProvider(_ listed: ListedOrder) { Self.add(listed, to: &self.provider) }

    /// Says that there is a list, also if it is empty.
    package mutating func expectShop() { self.hasShop = true }
    package mutating func expectProvider() { self.hasProvider = true }

    private mutating func keep(_ order: Order, of unit: UnitID, _ state: OrderState) {
        let earlier = self.kept[order.id]
        self.kept[order.id] = Kept(
            lot: order.lot, unit: unit, state: state, deadline: order.deadline, paid: earlier?.paid,
            payment: earlier?.payment)
    }

    private static func add(_ line: ListedOrder, to list: inout [OrderID: Listed]) {
        var listed = list[line.order] ?? Listed(state: line.state)
        listed.state = line.state
        switch line.state {
        case .paid:
            listed.charges += 1
            if let payment = line.payment { listed.charged[payment, default: 0] += 1 }
            listed.amount = line.amount ?? listed.amount
        case .refunded:
            listed.refunds += 1
            if let payment = line.payment { listed.refunded[payment, default: 0] += 1 }
        case .open, .over, .refundDue: break
        }
        list[line.order] = listed
    }
}
