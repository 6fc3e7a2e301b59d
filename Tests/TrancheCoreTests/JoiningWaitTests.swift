import Testing

import TrancheCore

@Suite struct JoiningWaitTests {
    private func wait(afterCommitsOf microseconds: Int64) -> JoiningWait {
        var wait = JoiningWait()
        for _ in 0..<40 { wait.committed(inMicroseconds: microseconds) }
        wait.start()
        return wait
    }

    /// How many steps pass if so many requests wait at each look.
    private func steps(_ wait: JoiningWait, waiting: [Int]) -> Int {
        var wait = wait
        var count = 0
        for waiting in waiting {
            guard wait.waits(waiting: waiting) else { break }
            count += 1
        }
        return count
    }

    @Test func aFastLedgerNeverWaits() {
        let wait = self.wait(afterCommitsOf: 900)
        #expect(!wait.isWorthwhile)
        #expect(self.steps(wait, waiting: [10, 20, 30]) == 0)
    }

    @Test func nobodyIsWaitedForWhenNobodyHasCome() {
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: [0, 5]) == 0)
    }

    @Test func aRoundWaitsWhileOthersJoinAndNoLonger() {
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: [10, 30, 60, 60, 64]) == 3)
    }

    @Test func fewWhoJoinAreNotWorthTheTimeOfManyWhoWait() {
        // 1 x 4,000 us saved, 41 x 100 us lost.
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: [40, 41, 60]) == 1)
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: [38, 39, 60, 60]) == 3)
    }

    @Test func theWaitEndsAfterAQuarterOfACommit() {
        let crowd = (1...100).map { $0 * 4 }
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: crowd) == 10)
        #expect(self.steps(self.wait(afterCommitsOf: 8_000), waiting: crowd) == 20)
    }

    @Test func aFullBatchGoesAtOnce() {
        #expect(self.steps(self.wait(afterCommitsOf: 4_000), waiting: [Limits.requestsPerStep]) == 0)
    }
}
