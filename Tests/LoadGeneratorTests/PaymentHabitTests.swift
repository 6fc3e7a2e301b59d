import LoadGenerator
import Testing

/// How the payments of a crowd are made.
@Suite("Habits of payment") struct PaymentHabitTests {
    private func plan(oddPercent: Int) -> LoadPlan {
        var plan = LoadPlan(buyers: 1_000, seconds: 10, weights: [1, 1])
        (plan.oddPaymentPercent, plan.lateMilliseconds, plan.seed) = (oddPercent, 4_000, 7)
        return plan
    }

    @Test("without odd payments every buyer pays honestly, and in time") func honestCrowd() {
        let arrivals = self.plan(oddPercent: 0).arrivals()
        #expect(arrivals.allSatisfy { $0.habit == .honest && $0.thinkMilliseconds <= 1_500 })
    }

    @Test("odd payments are of every kind, and only late ones take longer than the payment window") func oddCrowd() {
        let arrivals = self.plan(oddPercent: 100).arrivals()
        for habit in PaymentHabit.allCases where habit != .honest {
            let some = arrivals.filter { $0.habit == habit }
            #expect((150...350).contains(some.count), "\(habit)")
            #expect(some.allSatisfy { ($0.thinkMilliseconds > 4_000) == (habit == .late) }, "\(habit)")
        }
        #expect(!arrivals.contains { $0.habit == .honest })
    }

    @Test("an order takes one payment, and one payment has one answer") func contradictions() {
        for status in [200, 409, 404] {
            #expect(PaymentHabit.repeated.contradiction(first: status, later: status) == nil)
        }
        let both = PaymentHabit.repeated.contradiction(first: 200, later: 409)
        #expect(both == "one payment was answered 200 and 409")
        #expect(PaymentHabit.twice.contradiction(first: 200, later: 409) == nil)
        #expect(PaymentHabit.twice.contradiction(first: 409, later: 409) == nil, "both came too late")
        let two = PaymentHabit.twice.contradiction(first: 200, later: 200)
        #expect(two == "two payments of one order were taken")
    }

    @Test("of a hundred payments as many are odd as the plan says") func percent() {
        let odd = self.plan(oddPercent: 10).arrivals().count { $0.habit != .honest }
        #expect((60...140).contains(odd))
    }
}
