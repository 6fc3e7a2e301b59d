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
    /// Orders of the whole book, by state.
    package let counts: [String: Int]
    /// For `GET /book?after=`; `nil` on the last page.
    package let next: String?
}
