import Testing
import TrancheCore

@Suite("Returned totals that wait for Redis") struct ReturnedTotalTests {
    @Test("while Redis is away, totals beyond the limit are confirmed together with the newest one")
    func laterTotalsAreConfirmedTogether() {
        let limit = ReturnedTotal.pendingLimit
        var returns = ReturnedTotal(total: 0, position: 0)
        let newest = limit * 3
        for total in 1...newest {
            returns.raise(to: total)
            returns.becameDurable(at: UInt64(total))
        }
        returns.confirm(upTo: UInt64(newest - 1))
        #expect(returns.confirmed == limit - 1, "the totals from the limit on wait for the newest one")
        #expect(!returns.isConfirmed)
        returns.confirm(upTo: UInt64(newest))
        #expect(returns.confirmed == newest && returns.isConfirmed)
    }

    @Test("a total is confirmed when Redis has the ledger with it, and not before") func totalWaitsForItsPosition() {
        var returns = ReturnedTotal(total: 0, position: 0)
        returns.raise(to: 5)
        returns.confirm(upTo: 100)
        #expect(returns.confirmed == 0, "it is not durable")
        returns.becameDurable(at: 101)
        returns.confirm(upTo: 100)
        #expect(returns.confirmed == 0)
        returns.confirm(upTo: 101)
        #expect(returns.confirmed == 5)
    }
}
