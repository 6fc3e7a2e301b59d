/// A lot of a sale, with what each unit is to hold before the sale opens.
package struct PlannedLot: Hashable, Sendable {
    package struct Part: Hashable, Sendable {
        package let unit: UnitID
        package let quantity: Int
        package init(unit: UnitID, quantity: Int) { (self.unit, self.quantity) = (unit, quantity) }
    }
    package let lot: LotID
    /// Items at the start of the sale.
    package let stock: Int
    package let start: ContestStart
    package let terms: ContestTerms
    /// In the order in which they are granted: if the pool is short, the last ones get less.
    package let parts: [Part]
    /// Its stock is carried from another lot, and never issued.
    package let isCarried: Bool

    package init(
        lot: LotID, stock: Int, start: ContestStart, terms: ContestTerms, parts: [Part], isCarried: Bool = false
    ) {
        self.isCarried = isCarried
        self.lot = lot
        self.stock = stock
        self.start = start
        self.terms = terms
        self.parts = parts
    }

    /// What a unit is to hold; 0 for one that registered after the plan was made.
    package func quantity(of unit: UnitID) -> Int { self.parts.first { $0.unit == unit }?.quantity ?? 0 }
}
