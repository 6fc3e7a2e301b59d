package import TrancheCore

/// The form of a whole order in snapshots and archives: about 55 bytes.
///
/// An order with a price or a reference has a bit in its state, and both at its end, with what it has of its amount.
package enum OrderForm {
    private static let withMoney: UInt8 = 0x80

    package static func bytes(_ order: Order, payment: PaymentID?) -> [UInt8] {
        var writer = ByteWriter()
        self.write(order, payment, into: &writer)
        return writer.bytes
    }

    static func write(_ order: Order, _ payment: PaymentID?, into writer: inout ByteWriter) {
        writer.order(order.id)
        writer.big(order.stamp.rawValue)
        writer.big(UInt64(bitPattern: order.deadline.microseconds))
        writer.varint(Int64(order.lot.rawValue))
        writer.varint(Int64(order.generation.rawValue))
        writer.varint(Int64(order.quantity))
        writer.varint(Int64(order.buyerLimit))
        let hasMoney = !order.price.isNone || order.reference != nil
        writer.byte(order.state.rawValue | (hasMoney ? self.withMoney : 0))
        writer.text(order.buyer.rawValue)
        writer.text(payment?.rawValue ?? "")
        guard hasMoney else { return }
        writer.money(order.price)
        writer.varint(order.state == .reserved ? order.paid : 0)
        writer.text(order.reference?.rawValue ?? "")
    }

    /// - Returns: `nil` if the bytes are not one whole and valid order.
    package static func order(_ bytes: UnsafeRawBufferPointer) -> StoredOrder? {
        var reader = ByteReader(bytes)
        let order = self.read(&reader)
        return reader.left == 0 && !reader.isBroken ? order : nil
    }

    static func read(_ reader: inout ByteReader) -> StoredOrder? {
        guard let id = reader.order(), let stamp = reader.big(UInt64.self), let deadline = reader.big(UInt64.self),
            let lot = self.lot(&reader), let generation = self.generation(&reader), let quantity = reader.varint(),
            (0...Int64(Limits.quantityPerOrder)).contains(quantity),
            let limit = reader.varint().flatMap({ Int32(exactly: $0) }),
            let stateByte = reader.byte(), let state = OrderState(rawValue: stateByte & ~self.withMoney),
            let buyer = self.text(&reader).flatMap(BuyerID.init),
            let text = self.text(&reader)
        else { return nil }
        let payment = PaymentID(text)
        // Only a paid order has a payment.
        guard text.isEmpty ? state != .paid : state == .paid && payment != nil else { return nil }
        guard let tail = stateByte & self.withMoney == 0 ? (.none, 0, nil) : self.tail(&reader) else { return nil }
        let part = state == .paid ? (tail.price * Int32(quantity)).minor : tail.paid
        return StoredOrder(
            order: Order(
                id: id, buyer: buyer, lot: lot, quantity: Int(quantity), buyerLimit: Int(limit), generation: generation,
                state: state, stamp: Stamp(rawValue: stamp),
                deadline: Instant(microseconds: Int64(bitPattern: deadline)), price: tail.price, paid: part,
                reference: tail.reference), payment: payment)
    }

    private static func tail(
        _ reader: inout ByteReader
    ) -> (price: Money, paid: Int64, reference: OrderReference?)? {
        guard let price = reader.money(), price.minor <= Limits.price, let paid = reader.varint(),
            (0...Limits.amount).contains(paid), let text = self.text(&reader)
        else { return nil }
        let reference = OrderReference(text)
        guard text.isEmpty || reference != nil else { return nil }
        return (price, paid, reference)
    }

    static func lot(_ reader: inout ByteReader) -> LotID? {
        reader.varint().flatMap { UInt32(exactly: $0) }.map(LotID.init(rawValue:))
    }

    static func generation(_ reader: inout ByteReader) -> Generation? {
        reader.varint().flatMap { UInt32(exactly: $0) }.map(Generation.init(rawValue:))
    }

    static func text(_ reader: inout ByteReader) -> String? { reader.byte().flatMap { reader.text(Int($0)) } }
}
