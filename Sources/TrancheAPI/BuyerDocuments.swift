package import TrancheCore

/// An order as its buyer sees it.
package struct OrderDocument: Hashable, Sendable, Codable {
    package let order: OrderID
    package let lot: LotID
    package let quantity: Int
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
        bytes.write("{\"deadlineMicroseconds\":")
        bytes.write(decimal: order.deadline.microseconds)
        bytes.write(",\"lot\":")
        bytes.write(decimal: order.lot.rawValue)
        if order.state == .reserved, position != nil { bytes.write(",\"offered\":true") }
        bytes.write(",\"order\":\"")
        bytes.write(order.id)
        bytes.write("\",\"quantity\":")
        bytes.write(decimal: order.quantity)
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
    package init(quantity: Int?) { self.quantity = quantity }
}

/// The body of a payment provider's callback.
package struct PaymentBody: Hashable, Sendable, Codable {
    package let order: OrderID
    package let payment: PaymentID
    package init(order: OrderID, payment: PaymentID) { (self.order, self.payment) = (order, payment) }
}
