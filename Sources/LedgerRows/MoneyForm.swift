import TrancheCore

/// The form of an order's payments and refunds in snapshots.
enum MoneyForm {
    static func write(_ money: OrderMoney, of order: OrderID, into writer: inout ByteWriter) {
        writer.order(order)
        writer.varint(Int64(money.received.count))
        for payment in money.received {
            writer.text(payment.id.rawValue)
            writer.money(payment.amount)
        }
        writer.varint(Int64(money.refunds.count))
        for refund in money.refunds {
            writer.varint(Int64(refund.number))
            writer.text(refund.payment.rawValue)
            writer.money(refund.amount)
            writer.byte(refund.reason.rawValue)
            writer.byte((refund.isByProvider ? 1 : 0) | (refund.isDone ? 2 : 0))
        }
    }

    /// - Returns: `nil` if the bytes are damaged.
    static func read(_ reader: inout ByteReader) -> (order: OrderID, money: OrderMoney)? {
        guard let order = reader.order(), var left = reader.varint() else { return nil }
        var received: [Payment] = []
        while left > 0 {
            left -= 1
            guard let id = OrderForm.text(&reader).flatMap(PaymentID.init), let amount = reader.money() else {
                return nil
            }
            received.append(Payment(id: id, amount: amount))
        }
        guard var count = reader.varint() else { return nil }
        var refunds: [Refund] = []
        while count > 0 {
            count -= 1
            guard let number = reader.varint().flatMap({ Int(exactly: $0) }),
                let payment = OrderForm.text(&reader).flatMap(PaymentID.init), let amount = reader.money(),
                let reason = reader.byte().flatMap(RefundReason.init), let flags = reader.byte()
            else { return nil }
            refunds.append(
                Refund(
                    order: order, number: number, payment: payment, amount: amount, reason: reason,
                    isByProvider: flags & 1 != 0, isDone: flags & 2 != 0))
        }
        return (order, OrderMoney(received: received, refunds: refunds))
    }
}
