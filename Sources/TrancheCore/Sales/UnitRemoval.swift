/// When a unit may leave the configuration: it is the home unit of no buyer, it does not report, and it holds nothing.
package enum UnitRemoval {
    /// Why a unit stays.
    package enum Refusal: Error, Hashable, Sendable {
        /// The home of buyers of a sale that is not settled.
        case isHome(sale: String, SaleState)
        case reports
        case holds(Int, LotID)
    }
    package struct Sale: Hashable, Sendable {
        package let id: String
        package let state: SaleState
        package let lots: [LotID]
        /// The home units of its buyers.
        package let homes: Set<UnitID>
        package init(id: String, state: SaleState, lots: [LotID], homes: Set<UnitID>) {
            self.id = id
            self.state = state
            self.lots = lots
            self.homes = homes
        }
    }

    /// - Parameter now: By the clock of the authority's reports.
    package static func check(
        _ unit: UnitID, sales: [Sale], _ authority: QuotaAuthority, now: Instant
    ) throws(Refusal) {
        // What a settled sale held has been counted.
        let sales = sales.filter { $0.state != .settled }
        for sale in sales where sale.homes.contains(unit) { throw .isHome(sale: sale.id, sale.state) }
        guard authority.fresh(unit, now: now) == nil else { throw .reports }
        for lot in sales.flatMap(\.lots) {
            let accounts = (authority.book.lots[lot]?.accounts ?? []).filter { $0.unit == unit }
            let held = accounts.reduce(0) { $0 + $1.outstanding }
            if held > 0 { throw .holds(held, lot) }
        }
    }
}
