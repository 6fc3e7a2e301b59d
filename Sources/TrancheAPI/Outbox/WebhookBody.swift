package import TrancheCore

/// An event as a CloudEvent (CloudEvents 1.0, JSON format). It is the same for every delivery of the event.
package enum WebhookBody {
    package static let type = "application/cloudevents+json"
    /// No event comes near it: the longest texts in one are a buyer's and a payment's id, and a reference.
    package static let bytesLimit = 20_000

    /// The type of an event, as consumers know it.
    package static func type(of kind: OutboxEvent.Kind) -> String { "tranche.order.\(kind.name)" }

    package static func json(_ event: OutboxEvent, unit: UnitID) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.write("{\"specversion\":\"1.0\",\"id\":\"")
        bytes += event.id(of: unit).utf8
        bytes.write("\",\"source\":\"/tranche/units/")
        bytes.write(decimal: unit.rawValue)
        bytes.write("\",\"type\":\"")
        bytes += self.type(of: event.kind).utf8
        bytes.write("\",\"subject\":\"")
        bytes.write(event.order)
        bytes.write("\",\"datacontenttype\":\"application/json\",\"data\":{\"order\":\"")
        bytes.write(event.order)
        bytes.write("\",\"position\":")
        bytes.write(decimal: event.place.position)
        if let order = event.facts { self.write(order, into: &bytes) }
        if let payment = event.payment {
            bytes.write(",\"payment\":")
            bytes.write(json: payment.rawValue)
        }
        if let reason = event.reason {
            bytes.write(",\"reason\":")
            bytes.write(json: reason.name)
        }
        self.writeMoney(of: event, into: &bytes)
        bytes.write("}}")
        return bytes
    }

    /// What the event itself is about: a payment or a refund. An order's own amount is among its facts.
    private static func writeMoney(of event: OutboxEvent, into bytes: inout [UInt8]) {
        if !event.amount.isNone {
            bytes.write(",\"amount\":")
            bytes.write(decimal: event.amount.minor)
            bytes.write(",\"currency\":\"")
            bytes += event.amount.currency.code.utf8
            bytes.write("\"")
        }
        if event.kind == .received {
            bytes.write(",\"paid\":")
            bytes.write(decimal: event.paid)
        }
        if let key = event.refundKey {
            bytes.write(",\"refund\":")
            bytes.write(json: key.description)
        }
        if let refund = event.refund {
            bytes.write(refund.isByProvider ? ",\"isByProvider\":true" : ",\"isByProvider\":false")
        }
    }

    private static func write(_ order: Order, into bytes: inout [UInt8]) {
        bytes.write(",\"lot\":")
        bytes.write(decimal: order.lot.rawValue)
        bytes.write(",\"buyer\":")
        bytes.write(json: order.buyer.rawValue)
        bytes.write(",\"quantity\":")
        bytes.write(decimal: order.quantity)
        bytes.write(",\"state\":\"")
        bytes += order.state.name.utf8
        bytes.write("\",\"stamp\":\"")
        bytes.write(decimal: order.stamp.rawValue)
        bytes.write("\"")
        if !order.price.isNone {
            bytes.write(",\"amount\":")
            bytes.write(decimal: order.amount.minor)
            bytes.write(",\"currency\":\"")
            bytes += order.price.currency.code.utf8
            bytes.write("\",\"paid\":")
            bytes.write(decimal: order.paid)
        }
        if let reference = order.reference {
            bytes.write(",\"reference\":")
            bytes.write(json: reference.rawValue)
        }
        guard order.deadline != .distantFuture else { return }
        bytes.write(",\"deadlineMicroseconds\":")
        bytes.write(decimal: order.deadline.microseconds)
    }
}
