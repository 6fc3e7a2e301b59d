/// Where the items of a lot are, by the log and by the last reports of the units. Each item is in one part.
///
/// No part is negative: books that contradict each other give a sum that is not the issue (``difference(from:)``), and not
/// a part that hides it.
package struct StockParts: Hashable, Sendable, Codable {
    /// Items that buyers have paid for.
    package var paid = 0
    /// Items that buyers hold and have not paid for.
    package var held = 0
    /// Items that units can sell.
    package var quota = 0
    /// The same in a contest, where units sell nothing by themselves: on the way back, or to an order that a verdict names.
    package var underWay = 0
    /// Items of units that this center has not heard of the lot: it is not known which of them are sold.
    package var unheard = 0
    /// Items of accounts that were settled: they were sold.
    package var settled = 0
    /// Items that wait for settlement.
    package var stranded = 0
    /// Items that no unit holds.
    package var pool = 0
    /// Items that a second round has carried into another lot.
    package var carried = 0

    package init() {}

    /// The parts of one account.
    ///
    /// - Parameter told: What the unit reported of this generation; `nil` if it reported nothing.
    package init(
        status: AuthorityBook.AccountStatus, outstanding: Int, told: (live: Int, paid: Int)?, isContested: Bool
    ) {
        let outstanding = max(0, outstanding)
        switch status {
        case .stranded: self.stranded = outstanding
        case .settled: self.settled = outstanding
        case .active:
            guard let told else {
                self.unheard = outstanding
                return
            }
            self.paid = max(0, told.paid)
            self.held = max(0, told.live - told.paid)
            let free = max(0, outstanding - told.live)
            if isContested { self.underWay = free } else { self.quota = free }
        }
    }

    package var sum: Int {
        self.paid + self.held + self.quota + self.underWay + self.unheard + self.settled + self.stranded + self.pool
            + self.carried
    }

    /// Items too many (or too few, if negative) for the issue; 0 if the books agree.
    package func difference(from issued: Int) -> Int { self.sum - issued }

    package static func += (left: inout StockParts, right: StockParts) {
        left.paid += right.paid
        left.held += right.held
        left.quota += right.quota
        left.underWay += right.underWay
        left.unheard += right.unheard
        left.settled += right.settled
        left.stranded += right.stranded
        left.pool += right.pool
        left.carried += right.carried
    }
}
