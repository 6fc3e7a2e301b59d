import Testing
import TrancheCore

@Suite("The schedule of a sale") struct SaleScheduleTests {
    private static let start = Instant(milliseconds: 1_700_000_000_000)
    private static let end = start.advanced(milliseconds: 3_600_000)

    /// Half an hour for the warming up, 10 s for the opening, and 30 s in which it may be late.
    private func schedule(held: Set<SaleSchedule.Step> = []) -> SaleSchedule {
        SaleSchedule(
            startsAt: Self.start, endsAt: Self.end, paymentWindowMilliseconds: 60_000,
            warmBeforeMilliseconds: 1_800_000, openBeforeMilliseconds: 10_000, openLateMilliseconds: 30_000, held: held)
    }

    /// A look so many milliseconds after the start.
    private func look(
        _ state: SaleState, _ milliseconds: Int64, held: Set<SaleSchedule.Step> = [], hasObstacle: Bool = false
    ) -> SaleSchedule.Look {
        self.schedule(held: held).look(
            state, hasObstacle: hasObstacle, now: Self.start.advanced(milliseconds: milliseconds))
    }

    @Test("each step is due at its time and not before, and is done once it was taken") func stepsAreDueAtTheirTimes() {
        let times: [(SaleState, SaleSchedule.Step, Int64)] = [
            (.draft, .warm, -1_800_000), (.warming, .open, -10_000), (.open, .close, 3_600_000),
            (.closed, .settle, 3_660_000),
        ]
        for (state, step, time) in times {
            #expect(self.look(state, time - 1)[step] == .waiting && self.look(state, time - 1).due == nil)
            #expect(self.look(state, time).due == step)
            let after = state.after(step.act)
            #expect(after.map { self.look($0, time)[step] } == .done)
        }
        let settled = self.look(.settled, 3_700_000)
        #expect(settled.next == nil && settled.due == nil && settled.again == nil)
        #expect(settled.standings == [.done, .done, .done, .done])
    }

    @Test("a center that was away takes what is due, one step after the other, and none twice")
    func nothingIsMissedByRestarts() {
        var (state, taken): (SaleState, [SaleSchedule.Step]) = (.draft, [])
        // It comes back a second before the start: two steps are late.
        for _ in 0..<4 {
            guard let due = self.look(state, -1_000).due, let next = state.after(due.act) else { break }
            taken.append(due)
            state = next
        }
        #expect(taken == [.warm, .open] && state == .open)
    }

    @Test("looks at odd moments take every step once, in order, within a pause after its time")
    func oddLooksTakeEveryStepOnce() {
        let schedule = self.schedule()
        var (state, taken): (SaleState, [SaleSchedule.Step]) = (.draft, [])
        for milliseconds in stride(from: Int64(-7_200_000), to: 3_700_000, by: 997) {
            let now = Self.start.advanced(milliseconds: milliseconds)
            guard let due = schedule.look(state, hasObstacle: false, now: now).due, let next = state.after(due.act)
            else {
                continue
            }
            #expect(now.milliseconds(since: schedule.time(of: due)) < 997)
            taken.append(due)
            state = next
        }
        #expect(taken == [.warm, .open, .close, .settle])
    }

    @Test("a held step is not taken; released in time it is taken, and released too late it is missed")
    func heldStepsWait() {
        for (state, step) in [
            (SaleState.draft, SaleSchedule.Step.warm), (.warming, .open), (.open, .close), (.closed, .settle),
        ] {
            let look = self.look(state, 3_700_000, held: [step])
            #expect(look[step] == .held && look.due == nil)
        }
        #expect(self.look(.warming, 0, held: [.open]).due == nil)
        #expect(self.look(.warming, 0).due == .open)
        #expect(self.look(.warming, 30_000)[.open] == .missed)
        // A hold of a later step does not stop the one before it.
        #expect(self.look(.draft, -1_800_000, held: [.open]).due == .warm)
        #expect(self.look(.draft, -1_800_000, held: [.open])[.open] == .held)
    }

    @Test(
        "an opening that is late by more than its limit is missed; warming up waits until the end, the others for ever")
    func lateStepsHaveTheirLimits() {
        #expect(self.look(.warming, 29_999).due == .open)
        #expect(self.look(.warming, 30_000).due == nil)
        #expect(self.look(.draft, 30_000)[.open] == .missed, "an opening behind another step is missed, too")
        #expect(self.look(.draft, 3_599_999).due == .warm)
        #expect(self.look(.draft, 3_600_000)[.warm] == .missed && self.look(.draft, 3_600_000).due == nil)
        let years: Int64 = 100_000_000_000
        #expect(self.look(.open, years).due == .close && self.look(.closed, years).due == .settle)
    }

    @Test("a clock that is set back undoes nothing, and what it missed is due again") func clockMaySetBack() {
        #expect(self.look(.open, -3_600_000).standings == [.done, .done, .waiting, .waiting])
        #expect(self.look(.closed, 0).standings == [.done, .done, .done, .waiting])
        #expect(self.look(.warming, 40_000)[.open] == .missed)
        #expect(self.look(.warming, 20_000).due == .open)
    }

    @Test("a paused sale is not closed before somebody resumes it, and a sale that never opened is not closed at all")
    func pauseIsRespected() {
        #expect(self.look(.paused, 0)[.close] == .waiting)
        #expect(self.look(.paused, 3_600_000)[.close] == .blocked(.paused))
        #expect(self.look(.paused, 3_600_000).due == nil && self.look(.open, 3_600_001).due == .close)
        let never = self.look(.warming, 3_600_000)
        #expect(never[.open] == .missed && never[.close] == .blocked(.unopened) && never.due == nil)
    }

    @Test("warming and opening are examined an hour before their times, a settlement when it is due, a closing never")
    func stepsAreExaminedEarly() {
        func isExamined(_ step: SaleSchedule.Step, _ milliseconds: Int64) -> Bool {
            self.schedule().isExamined(step, now: Self.start.advanced(milliseconds: milliseconds))
        }
        #expect(!isExamined(.warm, -5_400_001) && isExamined(.warm, -5_400_000) && isExamined(.warm, 0))
        #expect(!isExamined(.open, -3_610_001) && isExamined(.open, -3_610_000))
        #expect(isExamined(.open, 29_999) && !isExamined(.open, 30_000))
        #expect(!isExamined(.settle, 3_659_999) && isExamined(.settle, 3_660_000))
        #expect(!isExamined(.close, 3_600_000))
    }

    @Test("what is in the way blocks a step early and at its time, but excuses no lateness") func obstacleBlocksStep() {
        for milliseconds in [Int64(-600_000), -10_000, 29_999] {
            let look = self.look(.warming, milliseconds, hasObstacle: true)
            #expect(look[.open] == .blocked(.found) && look.due == nil)
        }
        #expect(self.look(.warming, 30_000, hasObstacle: true)[.open] == .missed)
        #expect(self.look(.closed, 9_000_000, hasObstacle: true)[.settle] == .blocked(.found))
    }

    @Test(
        "the next look is when something can change: each second while a step is examined, and more often from its time on"
    )
    func nextLookIsInTime() {
        func again(_ state: SaleState, _ milliseconds: Int64) -> Int64? {
            self.look(state, milliseconds).again?.milliseconds(since: Self.start)
        }
        #expect(again(.draft, -90_000_000) == -5_400_000)
        #expect(again(.draft, -5_000_000) == -4_999_000)
        #expect(again(.draft, -1_800_400) == -1_800_000)
        #expect(again(.warming, 5_000) == 5_250)
        #expect(again(.warming, 30_000) == 3_600_000)
        #expect(again(.warming, 3_600_000) == nil)
        #expect(again(.open, 0) == 3_600_000)
        #expect(again(.closed, 3_600_000) == 3_660_000)
        #expect(again(.closed, 3_660_000) == 3_660_250)
    }

    @Test("a sale that opens in time keeps its start; a late one starts everywhere at one later moment")
    func lateOpeningMovesTheStart() {
        func start(_ milliseconds: Int64) -> Int64? {
            self.schedule().laterStart(openedAt: Self.start.advanced(milliseconds: milliseconds))?
                .milliseconds(since: Self.start)
        }
        #expect(start(-10_000) == nil && start(-2_000) == nil)
        #expect(start(-1_999) == 1 && start(5_000) == 7_000)
    }

    @Test("an opening is missed at the end of a sale that is shorter than the limit") func shortSaleEndsTheOpening() {
        let schedule = SaleSchedule(
            startsAt: Self.start, endsAt: Self.start.advanced(milliseconds: 5_000), paymentWindowMilliseconds: 100,
            warmBeforeMilliseconds: 2_000, openBeforeMilliseconds: 2_000, openLateMilliseconds: 30_000, held: [])
        #expect(schedule.limit(of: .open) == Self.start.advanced(milliseconds: 5_000))
        #expect(schedule.look(.warming, hasObstacle: false, now: schedule.endsAt)[.open] == .missed)
    }
}
