/// What everybody may know of a lot's stock. The number itself would tell competitors and resellers too much, and would
/// change faster than a page is cached. The raw values are the names in documents.
package enum StockBand: String, Hashable, Sendable, Codable, CaseIterable {
    /// More than a fifth of the issued items.
    case many
    case few
    /// The last items are given out in one order over all units.
    case contested
    case gone

    /// - Parameters:
    ///   - left: Items that can still be bought.
    ///   - issued: All items of the lot, sold ones included.
    package init(left: Int, issued: Int, isContested: Bool) {
        if left <= 0 {
            self = .gone
        } else if isContested {
            self = .contested
        } else {
            // left > issued / 5, without losing the rest of the division.
            self = left > issued / 5 ? .many : .few
        }
    }
}
