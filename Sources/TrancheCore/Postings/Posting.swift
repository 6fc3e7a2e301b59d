/// Items, or payments, that go from one account of a sale's export to another.
///
/// The quantity counts against the one and for the other, so the balances of all accounts add up to nothing.
package struct Posting: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case issued, granted, returned, allocated, settled, reserved, won, paid, expired, cancelled, owed, stranded,
            carried
        case paymentTaken = "payment_taken"
        case refundDue = "refund_due"
        /// An expired order has its items again, because its payment came late.
        case revived
    }

    /// The fact from which the posting follows.
    package enum Source: Hashable, Sendable {
        /// A record of the authority log, by its number in the log, from 1.
        case record(Int)
        /// An entry of a unit's ledger. Its text is the id of the webhook that told the shop.
        case entry(UnitID, OutboxPlace)
        /// An order in a ledger of the unit that was replaced.
        case lost(UnitID)
        /// What is left when everything was read.
        case end
    }

    package let lot: LotID
    package let kind: Kind
    package let from: PostingAccount
    package let to: PostingAccount
    package let quantity: Int
    package let source: Source
    package let order: OrderID?
    package let payment: PaymentID?

    package init(
        _ kind: Kind, lot: LotID, from: PostingAccount, to: PostingAccount, quantity: Int, source: Source,
        order: OrderID? = nil, payment: PaymentID? = nil
    ) {
        precondition(quantity > 0, "a posting of \(quantity) items")
        precondition(from.measure == to.measure, "a posting from \(from) to \(to)")
        (self.kind, self.lot, self.from, self.to) = (kind, lot, from, to)
        (self.quantity, self.source, self.order, self.payment) = (quantity, source, order, payment)
    }
}

extension Posting.Source: CustomStringConvertible {
    package var description: String {
        switch self {
        case .record(let number): "log:\(number)"
        case .entry(let unit, let place): place.id(of: unit)
        case .lost(let unit): "lost:\(unit)"
        case .end: "end"
        }
    }
}

// The forms of a posting in files. Nothing in them depends on the moment, so the same facts give the same bytes.

extension Posting {
    package static let csvTitle = "posting,lot,kind,measure,quantity,from,to,order,payment,source"

    /// - Parameter number: The posting's number in the export, from 1.
    package func csv(_ number: Int) -> String {
        "\(number),\(self.lot),\(self.kind.rawValue),\(self.from.measure.rawValue),\(self.quantity),"
            + "\(self.from),\(self.to),\(self.order?.description ?? ""),"
            + "\(Self.quoted(self.payment?.rawValue ?? "")),\(self.source)"
    }

    package func json(_ number: Int) -> String {
        var text = "{\"posting\":\(number),\"lot\":\(self.lot),\"kind\":\"\(self.kind.rawValue)\""
        text += ",\"measure\":\"\(self.from.measure.rawValue)\",\"quantity\":\(self.quantity)"
        text += ",\"from\":\"\(self.from)\",\"to\":\"\(self.to)\""
        if let order { text += ",\"order\":\"\(order)\"" }
        if let payment { text += ",\"payment\":\"\(Self.escaped(payment.rawValue))\"" }
        return text + ",\"source\":\"\(self.source)\"}"
    }

    /// A field of CSV (RFC 4180): ids of payments may have commas and quotes.
    ///
    /// They come from outside, and a spreadsheet would compute one that begins like a formula. An apostrophe in front
    /// makes it text; one more in front of an apostrophe, so that whoever takes one away has the id.
    private static func quoted(_ id: String) -> String {
        let text = id.utf8.first.map { "=+-@'".utf8.contains($0) } ?? false ? "'" + id : id
        guard text.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else { return text }
        return "\"" + text.reduce(into: "") { $0 += $1 == "\"" ? "\"\"" : String($1) } + "\""
    }

    /// The inside of a JSON string. An id of a payment has printable ASCII characters only.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) }
    }
}
