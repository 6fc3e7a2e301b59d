/// A part of the shop's book, in the order of the orders' ids.
package struct BookPage: Hashable, Sendable, Codable {
    package struct Refund: Hashable, Sendable, Codable {
        package let payment: String
        package let reason: String
    }
    package struct Order: Hashable, Sendable, Codable {
        package let order: String
        /// `reserved`, `paid`, `expired`, `cancelled`, `lost`, or `unheard`: only a refund is known.
        package let state: String
        package let payment: String?
        /// Payments to give back.
        package let refunds: [Refund]
    }
    package let orders: [Order]
    /// Orders of the whole book, by state; on the first page only, because it takes a look at every order.
    package let counts: [String: Int]?
    /// For `GET /book?after=`; `nil` on the last page.
    package let next: String?
}

// The book as a list that `tranche reconcile --shop` reads.
extension BookPage {
    package static let csvTitle = "order,state,payment,refunds\r\n"

    /// The lines of this page.
    package var csv: String { self.orders.map { $0.csv + "\r\n" }.joined() }
}

extension BookPage.Order {
    /// Of an order of which only refunds are known, a list says that they are due. `refunds` is their number.
    fileprivate var csv: String {
        let isUnheard = self.state == ShopOrder.unheard
        let payment = isUnheard ? self.refunds.first?.payment : self.payment
        return
            "\(self.order),\(isUnheard ? "refund_due" : self.state),\(Self.quoted(payment ?? "")),\(self.refunds.count)"
    }

    /// A field of CSV (RFC 4180). A provider's id may have commas and quotes in it.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
