import Testing
import TrancheCore

@Suite("Where the items of a lot are") struct StockPartsTests {
    private static func parts(
        _ status: AuthorityBook.AccountStatus = .active, outstanding: Int, told: (live: Int, paid: Int)?,
        isContested: Bool = false
    ) -> StockParts {
        StockParts(status: status, outstanding: outstanding, told: told, isContested: isContested)
    }

    @Test("each item of an account is in one part, whatever the account's standing")
    func eachItemIsInOnePart() {
        let active = Self.parts(outstanding: 50, told: (live: 30, paid: 20))
        #expect(active.paid == 20 && active.held == 10 && active.quota == 20 && active.sum == 50)
        let contested = Self.parts(outstanding: 50, told: (live: 30, paid: 20), isContested: true)
        #expect(contested.underWay == 20 && contested.quota == 0 && contested.sum == 50)
        #expect(Self.parts(outstanding: 50, told: nil).unheard == 50)
        // What a stranded or settled account told last does not count any more.
        let stranded = Self.parts(.stranded(reason: "lost"), outstanding: 50, told: (live: 30, paid: 20))
        #expect(stranded.stranded == 50 && stranded.sum == 50)
        let settled = Self.parts(.settled, outstanding: 7, told: nil)
        #expect(settled.settled == 7 && settled.sum == 7)
    }

    @Test("the parts of all accounts and the pool add up to the issue") func partsAddUp() {
        var all = StockParts()
        all.pool = 13
        all += Self.parts(outstanding: 50, told: (live: 30, paid: 20))
        all += Self.parts(outstanding: 0, told: (live: 0, paid: 0))
        all += Self.parts(.stranded(reason: "lost"), outstanding: 30, told: nil)
        all += Self.parts(.settled, outstanding: 7, told: nil)
        #expect(all.sum == 100 && all.difference(from: 100) == 0)
        #expect(all.paid == 20 && all.held == 10 && all.quota == 20 && all.stranded == 30 && all.settled == 7)
    }

    @Test("items of a second round are a part: without them the books would not add up") func carriedItemsAreAPart() {
        var all = Self.parts(.settled, outstanding: 60, told: nil)
        all.carried = 40
        #expect(all.difference(from: 100) == 0)
    }

    @Test(
        "books that contradict each other show as a difference, and not as a negative part",
        arguments: [
            // More is sold than the unit has; more is paid than sold; the log gave more than there was; items are missing.
            (outstanding: 50, told: (live: 53, paid: 53), pool: 50, difference: 3),
            (outstanding: 50, told: (live: 10, paid: 14), pool: 50, difference: 4),
            (outstanding: 105, told: (live: 5, paid: 5), pool: -5, difference: 5),
            (outstanding: 40, told: (live: 5, paid: 5), pool: 50, difference: -10),
        ])
    func contradictionIsDifference(outstanding: Int, told: (live: Int, paid: Int), pool: Int, difference: Int) {
        var all = Self.parts(outstanding: outstanding, told: told)
        all.pool = max(0, pool)
        #expect(all.difference(from: 100) == difference)
        for part in [all.paid, all.held, all.quota, all.pool] { #expect(part >= 0) }
    }
}
