import Testing
import TrancheCore

@Suite("Controller of a line, when something is wrong") struct LineControllerFaultTests {
    @Test("a new center goes on from the last threshold, without a rush") func newCenter() {
        var world = LineWorld(.lottery, stock: 1_000_000)
        world.enterDrawn(100_000)
        world.run(seconds: 10)
        let before = world.states.last ?? world.step()
        world.controller = LineController(
            policy: .lottery, opensAt: LineWorld.opening, threshold: before.threshold)
        let after = world.step()
        #expect(after.threshold.rank >= before.threshold.rank)
        #expect(after.admitted - before.admitted <= 200, "\(after.admitted - before.admitted) at once")
    }

    @Test("a long pause between steps, or a step back of the clock, makes no rush") func pauses() {
        var world = LineWorld(.lottery, stock: 1_000_000)
        world.enterDrawn(100_000)
        let before = world.run(seconds: 4)?.admitted ?? 0
        let after = world.step(milliseconds: 3_600_000)
        #expect(after.admitted - before <= 1_500, "\(after.admitted - before) at once")
        let back = world.step(milliseconds: -1_800_000)
        #expect(back.threshold == after.threshold)
    }

    @Test("a line that was empty lets at most a second of its pace pass at once") func noSavedCredit() {
        var world = LineWorld(.firstCome, stock: 1_000_000)
        world.run(seconds: 60)
        for _ in 0..<20 {
            world.enter(5_000)
            world.step()
        }
        #expect((world.states.last?.admitted ?? 0) <= 750 * 7, "\(world.states.last?.admitted ?? 0)")
    }

    @Test("entries that were reported late use up credit") func lateReports() {
        var world = LineWorld(.lottery, stock: 1_000_000)
        world.enterDrawn(10_000)
        world.run(seconds: 4)
        let before = world.states.last?.admitted ?? 0
        // As many entries again, of a gate that was not heard before: a part of them is below the threshold already.
        world.enterDrawn(10_000)
        let rank = world.states.last?.threshold.rank
        #expect(world.step().threshold.rank == rank)
        world.run(seconds: 8)
        #expect((world.states.last?.admitted ?? 0) <= before + 750 * 10)
    }

    @Test(
        "whatever happens, the threshold only rises, nobody passes early, and the pace is kept",
        arguments: UInt64(1)...12)
    func anything(seed: UInt64) {
        var draw = SeededDraw(seed)
        let policies: [LinePolicy] = [.firstCome, .lottery, .lotteryThenFirstCome]
        var world = LineWorld(policies[draw.below(3)], stock: draw.below(20_000), secondsToOpening: 3)
        if world.controller.policy.isDrawn { world.enterDrawn(1 + draw.below(5_000)) }
        (world.showPercent, world.buyPercent) = (1 + draw.below(100), 1 + draw.below(100))
        var last = EntryRank.nobody
        // 2,000 · 75 % a second at most, with a second of credit.
        var most = 1_500
        for step in 0..<400 {
            if world.controller.policy != .lottery { world.enter(draw.below(400)) }
            if draw.below(20) == 0 {
                world.load = LoadFigures(
                    capacityPerSecond: draw.below(2_000), waitingMilliseconds: draw.below(40),
                    cpuPermille: draw.below(1_000))
            }
            let isLong = draw.below(30) == 0
            let state = world.step(milliseconds: isLong ? 5_000 : 250)
            most += isLong ? 3_000 : 375
            #expect(state.threshold.rank >= last)
            #expect(world.now >= LineWorld.opening || state.threshold.rank == .nobody)
            #expect(state.admitted <= state.entered)
            if let arrivedAt = state.threshold.rank.arrivedAt { #expect(arrivedAt < world.now) }
            #expect(state.admitted <= most, "step \(step)")
            last = state.threshold.rank
        }
    }

    @Test("absurd figures stop nothing") func extremes() {
        for number in [Int.min, -1, 0, 1, .max] {
            var controller = LineController(policy: .lottery, opensAt: LineWorld.opening)
            var demand = ArrivalCounts()
            demand.count(EntryRank(draw: 5))
            for moment in [LineWorld.opening, .distantPast, .distantFuture, LineWorld.opening] {
                let state = controller.step(
                    now: moment, demand: demand, minted: number, finished: number, stockLeft: number,
                    load: LoadFigures(capacityPerSecond: number, waitingMilliseconds: number, cpuPermille: number))
                #expect(state.admitted <= 1)
            }
        }
    }
}
