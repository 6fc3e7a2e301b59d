package import TrancheAPI

/// A genuine webhook, as far as this shop needs it.
package struct ShopEvent: Hashable, Sendable {
    /// The longest body. No event comes near it.
    package static let bodyBytes = 20_000

    /// Where the event stands in the journal of its unit. Of one order, the event with the highest place is the newest.
    package struct Place: Hashable, Comparable, Sendable {
        package var unit: Int64
        package var generation: Int64
        package var position: Int64
        package var index: Int64

        package init(unit: Int64, generation: Int64, position: Int64, index: Int64) {
            (self.unit, self.generation, self.position, self.index) = (unit, generation, position, index)
        }

        /// - Parameter id: `unit:generation:position:index`.
        package init?(id: String) {
            let parts = id.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
            guard parts.count == 4, let unit = parts[0], let generation = parts[1], let position = parts[2],
                let index = parts[3], [unit, generation, position, index].allSatisfy({ $0 >= 0 })
            else { return nil }
            self.init(unit: unit, generation: generation, position: position, index: index)
        }

        /// An order belongs to one unit, so only the rest is compared.
        package static func < (left: Place, right: Place) -> Bool {
            (left.generation, left.position, left.index) < (right.generation, right.position, right.index)
        }
    }

    package enum Change: Hashable, Sendable {
        /// The order is now `reserved`, `paid`, `expired`, `cancelled` or `lost`.
        case state(String)
        /// This payment has to be given back.
        case refund(reason: String)
        /// A fact that this shop keeps no book of.
        case nothing
    }

    package let id: String
    package let place: Place
    package let type: String
    package let order: String
    package let payment: String?
    package let change: Change

    private struct Document: Decodable {
        struct Facts: Decodable {
            let payment: String?
            let reason: String?
        }
        let id: String
        let type: String
        let subject: String
        let data: Facts
    }
    private struct TypeOnly: Decodable { let type: String }

    /// Reads a CloudEvent whose signature was checked.
    ///
    /// - Parameter id: Of the header field, which the signature covers.
    /// - Returns: `nil` for a type that this shop does not know: a later version of Tranche may send more.
    /// - Throws: ``Problem`` with code `invalid_json` or `invalid_event`.
    package init?(id: String, _ body: [UInt8]) throws(Problem) {
        let type = try JSON.decode(TypeOnly.self, from: body).type
        guard Self.types.contains(type) else { return nil }
        let document = try JSON.decode(Document.self, from: body)
        guard document.id == id, let place = Place(id: id) else {
            throw Self.refusal("the id \"\(document.id.prefix(80))\" is not that of the header, or has another form")
        }
        guard document.subject.utf8.count == 32,
            document.subject.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { throw Self.refusal("the subject \"\(document.subject.prefix(80))\" is not an order's id") }
        let change = Self.change(type, document.data.reason)
        if case .refund = change, document.data.payment == nil {
            throw Self.refusal("\(type) names no payment")
        }
        (self.id, self.place, self.type, self.order) = (id, place, type, document.subject)
        (self.payment, self.change) = (document.data.payment, change)
    }

    private static let types: Set<String> = Set(
        [
            "reserved", "won", "paid", "expired", "cancelled", "lost", "refund_due", "stock_returned", "revived",
            "payment_received", "refunded", "claim_offered",
        ].map { "tranche.order.\($0)" })

    private static func change(_ type: String, _ reason: String?) -> Change {
        switch type {
        case "tranche.order.reserved", "tranche.order.won", "tranche.order.claim_offered": .state("reserved")
        case "tranche.order.paid", "tranche.order.revived": .state("paid")
        case "tranche.order.expired": .state("expired")
        case "tranche.order.cancelled": .state("cancelled")
        case "tranche.order.lost": .state("lost")
        case "tranche.order.refund_due": .refund(reason: reason ?? "")
        default: .nothing
        }
    }

    private static func refusal(_ detail: String) -> Problem {
        Problem(status: 400, code: "invalid_event", detail: detail)
    }
}
