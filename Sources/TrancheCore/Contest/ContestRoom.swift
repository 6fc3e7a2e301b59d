/// How large a contest can become, and what keeps it within the memory of a center.
///
/// Each unit forwards at most as many requests as there are items and places in the waitlist, whatever the crowd (its
/// allowance). So a contest has at most `units * (items + waitlist)` requests, and one more of each unit for every item
/// that comes back. That is not all: how often items come back is not bounded, and a request may stand behind undecided ones
/// that want more than it does without counting them. So at ``Limits/contestedRequests`` the leader raises no allowance any
/// more, and units refuse requests as sold out.
package enum ContestRoom {
    /// Requests of a contest, before any item comes back.
    package static func requests(items: Int, waitlist: Int, units: Int) -> Int {
        let each = max(0, items).addingReportingOverflow(max(0, waitlist))
        let all = each.partialValue.multipliedReportingOverflow(by: max(1, units))
        return each.overflow || all.overflow ? .max : all.partialValue
    }

    /// Items of a lot that are contested by its own terms; `nil` if the leader chooses the moment.
    package static func items(of stock: Int, start: ContestStart) -> Int? {
        switch start {
        case .never: 0
        case .whenScarce: nil
        case .atShare(let permille): stock / 1_000 * permille + stock % 1_000 * permille / 1_000
        case .fromTheStart: stock
        }
    }

    /// The largest rest with which a scarce lot may go to its contest. With more left it is sold locally a while longer.
    package static func itemsLeft(waitlist: Int, units: Int) -> Int {
        Limits.contestedRequests / max(1, units) - waitlist
    }
}
