/// Where an event stands in a unit's journal. A ledger entry has one position, and one or two events.
package struct OutboxPlace: Hashable, Comparable, Sendable {
    /// The generation of the ledger when the entry was written: positions of a ledger that was set back repeat.
    package let generation: Generation
    package let position: UInt64
    /// The event's number among those of its entry, from 0.
    package let index: Int

    package init(generation: Generation, position: UInt64, index: Int) {
        (self.generation, self.position, self.index) = (generation, position, index)
    }

    package static func < (left: OutboxPlace, right: OutboxPlace) -> Bool {
        (left.position, left.index) < (right.position, right.index)
    }

    /// The place as text, with the unit whose journal it is in.
    package func id(of unit: UnitID) -> String {
        "\(unit):\(self.generation.rawValue):\(self.position):\(self.index)"
    }
}

/// One fact about one order, for whoever has to act on it. It follows from a ledger entry, and is stored nowhere else.
package struct OutboxEvent: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// Items are held for the order until its deadline.
        case reserved = 0
        /// The contest gave the order its items, which are held until its deadline. The order had not waited in the line.
        case won = 1
        case paid = 2
        case expired = 3
        case cancelled = 4
        /// The contest had nothing for the order.
        case lost = 5
        /// A payment came for an order that cannot take it, or not all of it: it has to be given back.
        case refundDue = 6
        /// The order's items can be sold again.
        case stockReturned = 7
        /// A part of the order's amount was paid, or more with a payment that was told of before.
        case received = 8
        /// The provider has carried a refund out.
        case refunded = 9
        /// An expired order was paid, and has its items again.
        case revived = 10
        /// The order had waited in the line, and items that came back are held for it until its deadline: the claim window.
        case claimOffered = 11

        package var name: String {
            switch self {
            case .reserved: "reserved"
            case .won: "won"
            case .paid: "paid"
            case .expired: "expired"
            case .cancelled: "cancelled"
            case .lost: "lost"
            case .refundDue: "refund_due"
            case .stockReturned: "stock_returned"
            case .received: "payment_received"
            case .refunded: "refunded"
            case .revived: "revived"
            case .claimOffered: "claim_offered"
            }
        }

        package init?(name: some StringProtocol) {
            guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }
    }

    package var place: OutboxPlace
    package let kind: Kind
    package let order: OrderID
    /// The order as it is after the entry; `nil` for a refund and a part payment: the ledger may not know their order.
    package let facts: Order?
    /// The payment that was taken, or that has to be given back.
    package let payment: PaymentID?
    package let reason: RefundReason?
    /// Of ``Kind/received``: all that was taken with the payment, and what of it the order has.
    package let amount: Money
    package let paid: Int64
    /// Of ``Kind/refundDue``.
    package let refund: Refund?
    /// Of ``Kind/refundDue`` and ``Kind/refunded``.
    package let refundKey: RefundKey?

    init(_ kind: Kind, _ place: OutboxPlace, _ order: Order, payment: PaymentID? = nil) {
        (self.kind, self.place, self.order, self.facts) = (kind, place, order.id, order)
        (self.payment, self.reason, self.amount, self.paid) = (payment, nil, .none, 0)
        (self.refund, self.refundKey) = (nil, nil)
    }

    init(_ refund: Refund, _ place: OutboxPlace) {
        (self.kind, self.place, self.order, self.facts) = (.refundDue, place, refund.order, nil)
        (self.payment, self.reason, self.amount, self.paid) = (refund.payment, refund.reason, refund.amount, 0)
        (self.refund, self.refundKey) = (refund, refund.number > 0 ? refund.key : nil)
    }

    init(refunded key: RefundKey, _ place: OutboxPlace) {
        (self.kind, self.place, self.order, self.facts) = (.refunded, place, key.order, nil)
        (self.payment, self.reason, self.amount, self.paid) = (nil, nil, .none, 0)
        (self.refund, self.refundKey) = (nil, key)
    }

    init(received order: OrderID, _ payment: Payment, paid: Int64, _ place: OutboxPlace) {
        (self.kind, self.place, self.order, self.facts) = (.received, place, order, nil)
        (self.payment, self.reason, self.amount, self.paid) = (payment.id, nil, payment.amount, paid)
        (self.refund, self.refundKey) = (nil, nil)
    }

    /// The same for every delivery of the event, and for no other event: the receiver's key against duplicates.
    package func id(of unit: UnitID) -> String { self.place.id(of: unit) }
}

extension LedgerEntry {
    /// The events of this entry, in order.
    ///
    /// - Parameter generation: The generation of the ledger before the entry.
    package func events(at position: UInt64, generation: Generation) -> [OutboxEvent] {
        func place(_ index: Int) -> OutboxPlace {
            OutboxPlace(generation: generation, position: position, index: index)
        }
        switch self {
        case .reserved(let order): return [OutboxEvent(.reserved, place(0), order)]
        case .confirmed(var order, let payment):
            (order.state, order.paid) = (.paid, order.amount.minor)
            return [OutboxEvent(.paid, place(0), order, payment: payment)]
        case .revived(var order, let payment):
            (order.state, order.paid) = (.paid, order.amount.minor)
            return [OutboxEvent(.revived, place(0), order, payment: payment)]
        case .released(var order, let state):
            (order.state, order.paid) = (state, 0)
            return [
                OutboxEvent(state == .expired ? .expired : .cancelled, place(0), order),
                OutboxEvent(.stockReturned, place(1), order),
            ]
        case .allocated(let order, let isOffer):
            // The shop has heard of the end of an order that ended before its verdict.
            guard order.state == .reserved else { return [OutboxEvent(.stockReturned, place(0), order)] }
            return [OutboxEvent(isOffer ? .claimOffered : .won, place(0), order)]
        case .lost(let order): return [OutboxEvent(order.state == .lost ? .lost : .cancelled, place(0), order)]
        case .received(let order, let payment, let paid):
            return [OutboxEvent(received: order, payment, paid: paid, place(0))]
        case .refundDue(let refund): return [OutboxEvent(refund, place(0))]
        case .refunded(let key): return [OutboxEvent(refunded: key, place(0))]
        case .opened, .generation, .granted, .returned, .refused, .nonce, .soldOut, .contended, .contested, .ceiling,
            .ceilingReset, .redis, .archived, .branched, .doubt:
            return []
        }
    }
}

/// How far a reader of the journal has come. A cursor of a relay is one: everything up to it has been answered with yes.
package struct OutboxCursor: Hashable, Sendable {
    /// The last position that was read; 0 before the first one.
    package var position: UInt64
    /// The generation of the ledger behind this position.
    package var generation: Generation

    package init(position: UInt64, generation: Generation) {
        (self.position, self.generation) = (position, generation)
    }
    package static let start = OutboxCursor(position: 0, generation: Generation(1))

    /// Goes over one entry, and returns its events.
    package mutating func pass(_ entry: LedgerEntry, at position: UInt64) -> [OutboxEvent] {
        let events = entry.events(at: position, generation: self.generation)
        if case .generation(let next) = entry { self.generation = max(self.generation, next) }
        self.position = position
        return events
    }
}
