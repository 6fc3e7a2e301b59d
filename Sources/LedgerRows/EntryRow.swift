package import TrancheCore

/// One ledger entry as columns, the same columns for all kinds, and its format on disk.
package struct EntryRow: Hashable, Sendable {
    package enum Kind: Int64, Sendable {
        case opened = 1, generation, granted, returned, reserved, confirmed, released, refused, refundDue, nonce,
            soldOut, ceiling, contended, contested, allocated, lost, ceilingReset, redis,
            archived, branched, received, refunded, revived, doubt
    }
    package var kind: Kind
    package var lot: Int64?
    package var order: OrderID?
    package var buyer: String?
    package var quantity: Int64?
    /// Depends on the kind: per-buyer limit, order state, refusal code, held quantity, reason of a refund, whether a doubt is open,
    /// or the home of a branch.
    package var detail: Int64?
    package var generation: Int64?
    /// Depends on the kind: a stamp, an incarnation, a nonce, a total, or whether a provider carries a refund out. UInt64 values
    /// keep their bits.
    package var value: Int64?
    /// A deadline, the uncertainty of a contested order's stamp, or a moment.
    package var deadline: Int64?
    /// A payment, or the final state of an order in a contest; ``offer`` for one that is reserved behind its wait in the line.
    package var text: String?
    /// The price of one item of an order, or the amount of a payment or a refund.
    package var amount: Money?
    /// What an order has of its amount, or the number of a refund.
    package var number: Int64?
    /// The shop's name for an order.
    package var reference: String?
    private static let offer = "offered"

    package init(kind: Kind) { self.kind = kind }

    package init(_ entry: LedgerEntry) {
        switch entry {
        case .opened(let incarnation):
            self.init(kind: .opened)
            self.value = Int64(bitPattern: incarnation.rawValue)
        case .generation(let generation):
            self.init(kind: .generation)
            self.generation = Int64(generation.rawValue)
        case .granted(let lot, let total): self.init(.granted, lot, total: total)
        case .returned(let lot, let total): self.init(.returned, lot, total: total)
        case .reserved(let order): self.init(.reserved, order)
        case .confirmed(let order, let payment):
            self.init(.confirmed, order)
            self.text = payment.rawValue
        case .released(let order, let state):
            self.init(.released, order)
            self.detail = Int64(state.rawValue)
        case .refused(let order, let lot, let reason):
            self.init(.refused, lot, total: 0)
            self.order = order
            (self.detail, self.quantity, self.value) = Self.columns(of: reason)
        case .refundDue(let refund):
            self.init(kind: .refundDue)
            self.detail = Int64(refund.reason.rawValue)
            self.order = refund.order
            self.text = refund.payment.rawValue
            self.number = refund.number > 0 ? Int64(refund.number) : nil
            self.amount = refund.amount.isNone ? nil : refund.amount
            self.value = refund.isByProvider ? 1 : nil
        case .received(let order, let payment, let paid):
            self.init(kind: .received)
            self.order = order
            self.text = payment.id.rawValue
            self.amount = payment.amount
            self.number = paid
        case .refunded(let key):
            self.init(kind: .refunded)
            self.order = key.order
            self.number = Int64(key.number)
        case .revived(let order, let payment):
            self.init(.revived, order)
            self.text = payment.rawValue
        case .doubt(let order, let isOpen):
            self.init(kind: .doubt)
            self.order = order
            self.detail = isOpen ? 1 : 0
        case .nonce(let nonce):
            self.init(kind: .nonce)
            self.value = Int64(bitPattern: nonce)
        case .soldOut(let lot):
            self.init(kind: .soldOut)
            self.lot = Int64(lot.rawValue)
        case .contended(let lot):
            self.init(kind: .contended)
            self.lot = Int64(lot.rawValue)
        case .contested(let order, let uncertainty):
            self.init(.contested, order)
            self.deadline = uncertainty
        case .allocated(let order, let isOffer):
            self.init(.allocated, order)
            self.text = isOffer && order.state == .reserved ? Self.offer : order.state.name
        case .lost(let order):
            self.init(.lost, order)
            self.text = order.state.name
        case .ceiling(let stamp):
            self.init(kind: .ceiling)
            self.value = Int64(bitPattern: stamp.rawValue)
        case .ceilingReset(let stamp):
            self.init(kind: .ceilingReset)
            self.value = Int64(bitPattern: stamp.rawValue)
        case .redis(let run):
            self.init(kind: .redis)
            self.value = Int64(bitPattern: run.rawValue)
        case .archived(let archived):
            self.init(.archived, archived.lot, total: archived.orders)
            // The digest has the form of an order's id.
            self.order = OrderID(high: archived.digest.high, low: archived.digest.low)
        case .branched(let lot, let branch):
            self.init(.branched, lot, total: Int(branch.unit.rawValue))
            self.detail = Int64(branch.home.rawValue)
            self.deadline = branch.refusedBefore.microseconds
        }
    }

    private init(_ kind: Kind, _ lot: LotID, total: Int) {
        self.init(kind: kind)
        self.lot = Int64(lot.rawValue)
        self.value = Int64(total)
    }

    private init(_ kind: Kind, _ order: Order) {
        self.init(kind: kind)
        self.lot = Int64(order.lot.rawValue)
        self.order = order.id
        self.buyer = order.buyer.rawValue
        self.quantity = Int64(order.quantity)
        self.detail = Int64(order.buyerLimit)
        self.generation = Int64(order.generation.rawValue)
        self.value = Int64(bitPattern: order.stamp.rawValue)
        self.deadline = order.deadline.microseconds
        self.amount = order.price.isNone ? nil : order.price
        self.number = order.paid > 0 ? order.paid : nil
        self.reference = order.reference?.rawValue
    }

    private static func columns(of reason: FinalRefusal) -> (Int64, Int64, Int64) {
        switch reason {
        case .duplicate(let held, let limit): (1, Int64(held), Int64(limit))
        case .limitReached(let held, let limit): (2, Int64(held), Int64(limit))
        }
    }

    /// The entry, or `nil` if a column that its kind needs is missing or out of range.
    package var entry: LedgerEntry? {
        switch self.kind {
        case .opened: self.value.map { .opened(Incarnation(UInt64(bitPattern: $0))) }
        case .generation: self.checkedGeneration.map { .generation($0) }
        case .granted: self.lotAndTotal.map { .granted($0, total: $1) }
        case .returned: self.lotAndTotal.map { .returned($0, total: $1) }
        case .reserved: self.reservation.map { .reserved($0) }
        case .confirmed:
            self.reservation.flatMap { order in
                self.text.flatMap(PaymentID.init).map { .confirmed(order, payment: $0) }
            }
        case .released:
            self.reservation.flatMap { order in
                self.detail.flatMap { UInt8(exactly: $0) }.flatMap(OrderState.init).map {
                    .released(order, state: $0)
                }
            }
        case .refused: self.refusal
        case .refundDue: self.refund
        case .received:
            self.payment.flatMap { payment in self.order.map { .received($0, payment, paid: self.number ?? 0) } }
        case .refunded:
            self.order.flatMap { order in
                self.number.flatMap { Int(exactly: $0) }.map { .refunded(RefundKey(order: order, number: $0)) }
            }
        case .revived:
            self.reservation.flatMap { order in
                self.text.flatMap(PaymentID.init).map { .revived(order.inContest(.expired), payment: $0) }
            }
        case .doubt: self.order.map { .doubt($0, isOpen: self.detail == 1) }
        case .nonce: self.value.map { .nonce(UInt64(bitPattern: $0)) }
        case .soldOut: self.checkedLot.map { .soldOut($0) }
        case .contended: self.checkedLot.map { .contended($0) }
        case .contested:
            self.reservation.flatMap { order in
                self.deadline.map { .contested(order.inContest(.contested), uncertaintyMicroseconds: $0) }
            }
        case .allocated:
            self.reservation.flatMap { order in
                if self.text == Self.offer { return .allocated(order, isOffer: true) }
                return self.state.map { .allocated(order.inContest($0), isOffer: false) }
            }
        case .lost: self.reservation.flatMap { order in self.state.map { .lost(order.inContest($0)) } }
        case .ceiling: self.value.map { .ceiling(Stamp(rawValue: UInt64(bitPattern: $0))) }
        case .ceilingReset: self.value.map { .ceilingReset(Stamp(rawValue: UInt64(bitPattern: $0))) }
        case .archived:
            self.lotAndTotal.flatMap { lot, orders in
                self.order.map {
                    .archived(
                        ArchivedLot(lot: lot, orders: orders, digest: ChainDigest(high: $0.high, low: $0.low)))
                }
            }
        case .redis: self.value.map { .redis(RedisRun(rawValue: UInt64(bitPattern: $0))) }
        case .branched: self.branch
        }
    }

    private var state: OrderState? { self.text.flatMap { name in OrderState.allCases.first { $0.name == name } } }

    // A damaged file may contain any number: an entry with a number out of range is invalid.
    private var checkedLot: LotID? { self.lot.flatMap { UInt32(exactly: $0) }.map(LotID.init(rawValue:)) }
    private var checkedGeneration: Generation? {
        self.generation.flatMap { UInt32(exactly: $0) }.map(Generation.init(rawValue:))
    }

    private var lotAndTotal: (LotID, Int)? {
        guard let lot = self.checkedLot, let value = self.value else { return nil }
        return (lot, Int(value))
    }

    private var refusal: LedgerEntry? {
        guard let order = self.order, let lot = self.checkedLot, let held = self.quantity, let limit = self.value else {
            return nil
        }
        switch self.detail {
        case 1: return .refused(order, lot: lot, reason: .duplicate(held: Int(held), limit: Int(limit)))
        case 2: return .refused(order, lot: lot, reason: .limitReached(held: Int(held), limit: Int(limit)))
        default: return nil
        }
    }

    private var branch: LedgerEntry? {
        guard let lot = self.checkedLot, let unit = self.value.flatMap({ UInt16(exactly: $0) }),
            let home = self.detail.flatMap({ UInt16(exactly: $0) }), let moment = self.deadline
        else { return nil }
        return .branched(
            lot, Branch(home: UnitID(home), unit: UnitID(unit), refusedBefore: Instant(microseconds: moment)))
    }

    private var refund: LedgerEntry? {
        // Entries of earlier versions have no reason, or no number and no amount.
        guard let order = self.order, let payment = self.text.flatMap(PaymentID.init),
            let reason = UInt8(exactly: self.detail ?? 0).flatMap(RefundReason.init),
            let number = Int(exactly: self.number ?? 0)
        else { return nil }
        return .refundDue(
            Refund(
                order: order, number: number, payment: payment, amount: self.amount ?? .none, reason: reason,
                isByProvider: self.value == 1))
    }

    private var payment: Payment? {
        guard let id = self.text.flatMap(PaymentID.init), let amount = self.amount else { return nil }
        return Payment(id: id, amount: amount)
    }

    /// Whether the amount of the order, if it has a price, is a number.
    private func hasPossibleAmount(_ quantity: Int32) -> Bool {
        guard let price = self.amount else { return true }
        return price.minor <= Limits.price && (0...Limits.quantityPerOrder).contains(Int(quantity))
    }

    private var reservation: Order? {
        let limit = self.kind == .released ? 0 : self.detail ?? 0
        guard let lot = self.checkedLot, let id = self.order, let buyer = self.buyer.flatMap(BuyerID.init),
            let quantity = self.quantity.flatMap({ Int32(exactly: $0) }), let generation = self.checkedGeneration,
            let limit = Int32(exactly: limit), let stamp = self.value, let deadline = self.deadline,
            self.hasPossibleAmount(quantity), self.reference == nil || OrderReference(self.reference!) != nil
        else { return nil }
        return Order(
            id: id, buyer: buyer, lot: lot, quantity: Int(quantity), buyerLimit: Int(limit), generation: generation,
            stamp: Stamp(rawValue: UInt64(bitPattern: stamp)), deadline: Instant(microseconds: deadline),
            price: self.amount ?? .none, paid: self.number ?? 0,
            reference: self.reference.flatMap { OrderReference($0) })
    }
}

extension Order {
    /// The order in a contest: it has no deadline, and the column holds another value.
    fileprivate func inContest(_ state: OrderState) -> Order {
        var order = self
        order.state = state
        if state == .contested { order.deadline = .distantFuture }
        return order
    }
}
