package import TrancheCore

/// An order as its buyer sees it.
package struct OrderDocument: Hashable, Sendable, Codable {
    package let order: OrderID
    package let lot: LotID
    package let quantity: Int
    /// What the order costs, in minor units of its currency, and what was paid of it so far; not of a lot without a price.
    package let amount: Int64?
    package let currency: String?
    package let paid: Int64?
    /// The shop's name for the order, if the request had one.
    package let reference: OrderReference?
    /// `contested` and `waitlisted` orders wait for the contest; `reserved` ones for their payment.
    package let state: String
    package let stamp: Stamp
    /// When an unpaid reservation ends, in microseconds since 1970.
    package let deadlineMicroseconds: Instant?
    /// Of a waitlisted order: items that earlier orders get first, and items that may still return.
    package let ahead: Int?
    package let mayReturn: Int?
    /// Of a reserved order: `true` if it had waited on the waitlist, and its buyer has the claim window to pay.
    package let offered: Bool?

    package init(_ order: Order, _ position: WaitlistPosition? = nil) {
        self.order = order.id
        self.lot = order.lot
        self.quantity = Int(order.quantity)
        let hasPrice = !order.price.isNone
        self.amount = hasPrice ? order.amount.minor : nil
        self.currency = hasPrice ? order.price.currency.code : nil
        self.paid = hasPrice ? order.paid : nil
        self.reference = order.reference
        let isWaitlisted = order.state == .contested && position != nil
        self.state = isWaitlisted ? "waitlisted" : order.state.name
        self.stamp = order.stamp
        self.deadlineMicroseconds = order.deadline == .distantFuture ? nil : order.deadline
        self.ahead = isWaitlisted ? position?.ahead : nil
        self.mayReturn = isWaitlisted ? position?.mayReturn : nil
        self.offered = order.state == .reserved && position != nil ? true : nil
    }

    /// The HTTP status of the answer to a buy request: for an order that was made, one that waits in the contest, or
    /// one that is over.
    package static func status(of order: Order) -> Int {
        switch order.state {
        case .reserved, .paid: 201
        case .contested: 202
        case .cancelled, .expired, .lost: 200
        }
    }

    package static func json(_ order: Order, _ position: WaitlistPosition? = nil) -> String {
        var bytes: [UInt8] = []
        self.encode(order, position, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes the same bytes as the JSON encoder, but faster: every order on the hot path is answered with them.
    package static func encode(_ order: Order, _ position: WaitlistPosition? = nil, into bytes: inout [UInt8]) {
        if order.deadline == .distantFuture {
            bytes += JSON.encode(OrderDocument(order, position))
            return
        }
        guard order.price.isNone else { return self.encodePriced(order, into: &bytes) }
        bytes.write("{\"deadlineMicroseconds\":")
        bytes.write(decimal: order.deadline.microseconds)
        bytes.write(",\"lot\":")
        bytes.write(decimal: order.lot.rawValue)
        if order.state == .reserved, position != nil { bytes.write(",\"offered\":true") }
        bytes.write(",\"order\":\"")
        bytes.write(order.id)
        bytes.write("\",\"quantity\":")
        bytes.write(decimal: order.quantity)
        self.encodeEnd(order, into: &bytes)
    }

    private static func encodePriced(_ order: Order, into bytes: inout [UInt8]) {
        bytes.write("{\"amount\":")
        bytes.write(decimal: order.amount.minor)
        bytes.write(",\"currency\":\"")
        bytes += order.price.currency.code.utf8
        bytes.write("\",\"deadlineMicroseconds\":")
        bytes.write(decimal: order.deadline.microseconds)
        bytes.write(",\"lot\":")
        bytes.write(decimal: order.lot.rawValue)
        bytes.write(",\"order\":\"")
        bytes.write(order.id)
        bytes.write("\",\"paid\":")
        bytes.write(decimal: order.paid)
        bytes.write(",\"quantity\":")
        bytes.write(decimal: order.quantity)
        self.encodeEnd(order, into: &bytes)
    }

    private static func encodeEnd(_ order: Order, into bytes: inout [UInt8]) {
        if let reference = order.reference {
            bytes.write(",\"reference\":")
            bytes.write(json: reference.rawValue)
        }
        bytes.write(",\"stamp\":\"")
        bytes.write(decimal: order.stamp.rawValue)
        bytes.write("\",\"state\":\"")
        bytes += order.state.name.utf8
        bytes.write("\"}")
    }
}

/// The optional body of a buy request.
package struct BuyBody: Hashable, Sendable, Codable {
    package let quantity: Int?
    /// The shop's name for the order.
    package let reference: OrderReference?
    package init(quantity: Int?, reference: OrderReference? = nil) {
        (self.quantity, self.reference) = (quantity, reference)
    }
}

/// The body of a payment provider's callback.
package struct PaymentBody: Hashable, Sendable, Codable {
    package let order: OrderID
    package let payment: PaymentID
    /// All that was taken with this payment so far, in minor units; with its currency.
    package let amount: Int64?
    package let currency: String?
    /// The lot that the payment is for, if the provider knows it: a payment for another one is due back.
    package let lot: LotID?

    package init(order: OrderID, payment: PaymentID, amount: Money? = nil, lot: LotID? = nil) {
        (self.order, self.payment, self.lot) = (order, payment, lot)
        (self.amount, self.currency) = (amount?.minor, amount?.currency.code)
    }

    /// - Throws: ``Problem`` `invalid_amount` or `invalid_currency`: nothing of it is noted.
    package var notice: PaymentNotice {
        get throws(Problem) {
            guard let minor = self.amount else {
                guard self.currency == nil else {
                    throw Problem(
                        status: 400, code: "invalid_amount",
                        detail: "there is a currency, \"\(self.currency!.prefix(8))\", and no amount")
                }
                return PaymentNotice(order: self.order, payment: self.payment, lot: self.lot)
            }
            guard (1...Limits.amount).contains(minor) else {
                throw Problem(
                    status: 400, code: "invalid_amount",
                    detail: "amount \(minor) is not in 1...\(Limits.amount) minor units")
            }
            guard let currency = self.currency.flatMap({ Currency($0) }),
                let amount = Money(minor: minor, currency: currency)
            else {
                throw Problem(
                    status: 400, code: "invalid_currency",
                    detail: "currency \"\((self.currency ?? "").prefix(8))\" is not three capital letters (ISO 4217)")
            }
            return PaymentNotice(order: self.order, payment: self.payment, amount: amount, lot: self.lot)
        }
    }
}
