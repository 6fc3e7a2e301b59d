import Testing
import TrancheCore

@Suite("Controller of a line") struct LineControllerTests {
    @Test("nobody passes before the opening, whatever the policy", arguments: LinePolicy.allCases) func beforeOpening(
        policy: LinePolicy
    ) {
        var world = LineWorld(policy, stock: 1_000_000, secondsToOpening: 5)
        world.enterDrawn(1_000)
        world.enter(1_000)
        for _ in 0..<19 {
            let state = world.step()
            #expect(state.threshold.rank == .nobody && state.admitted == 0 && state.perMinute == 0)
            #expect(state.entered == 2_000)
        }
        #expect(world.run(seconds: 5).map { $0.admitted > 0 } == true, "somebody passes after it")
    }

    @Test("without a line everybody passes from the opening on") func openPolicy() {
        var world = LineWorld(.open, stock: 10)
        #expect(world.step().threshold.rank == .everybody)
    }

    @Test("the pace is three quarters of the measured capacity", arguments: [100, 1_000, 20_000]) func pace(
        capacity: Int
    ) {
        var world = LineWorld(.lottery, stock: 100_000_000)
        world.enterDrawn(200_000)
        world.load = LoadFigures(capacityPerSecond: capacity, waitingMilliseconds: 20, cpuPermille: 850)
        world.run(seconds: 8)
        let expected = capacity * 3 / 4 * 8
        let admitted = world.states.last?.admitted ?? 0
        #expect((expected * 98 / 100...expected).contains(admitted), "\(admitted) of \(expected)")
        let perMinute = world.states.last?.perMinute ?? 0
        #expect((capacity * 44...capacity * 47).contains(perMinute), "\(perMinute) a minute")
    }

    @Test("the pace falls while the units are overloaded, and recovers") func load() {
        var world = LineWorld(.lottery, stock: 100_000_000)
        world.enterDrawn(500_000)
        world.run(seconds: 5)
        world.load = LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 21, cpuPermille: 0)
        world.run(seconds: 30)
        #expect(world.controller.pacePermille == 50)
        let slow = world.states[world.states.count - 1].admitted - world.states[world.states.count - 5].admitted
        #expect((35...40).contains(slow), "\(slow) in a second")
        world.load = LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 0, cpuPermille: 100)
        world.run(seconds: 25)
        #expect(world.controller.pacePermille == 1_000)
    }

    @Test("the processor counts as the waiting time does") func processor() {
        var world = LineWorld(.lottery, stock: 100_000_000)
        world.load = LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 0, cpuPermille: 851)
        world.run(seconds: 3)
        #expect(world.controller.pacePermille < 1_000)
    }

    @Test("without a unit that sells nobody passes", arguments: [0, -5]) func noCapacity(capacity: Int) {
        var world = LineWorld(.lottery, stock: 1_000)
        world.enterDrawn(1_000)
        world.load = LoadFigures(capacityPerSecond: capacity, waitingMilliseconds: 0, cpuPermille: 0)
        #expect(world.run(seconds: 5)?.admitted == 0)
    }

    @Test("the line stops when those ahead suffice, and does not let the whole crowd pass for few items")
    func stopsWhenEnough() {
        var world = LineWorld(.lottery, stock: 50)
        world.enterDrawn(100_000)
        world.run(seconds: 60)
        // Twice the stock, at half an item a buyer before there is experience.
        #expect(world.stockLeft == 0)
        #expect((50...200).contains(world.states.last?.admitted ?? 0), "\(world.states.last?.admitted ?? 0)")
        #expect(world.states.last?.perMinute == 0, "the line stands")
    }

    @Test("the line goes on when those ahead do not buy", arguments: [(100, 10), (20, 100), (10, 50)])
    func goesOn(showPercent: Int, buyPercent: Int) {
        var world = LineWorld(.lottery, stock: 50)
        (world.showPercent, world.buyPercent) = (showPercent, buyPercent)
        world.enterDrawn(100_000)
        world.run(seconds: 600)
        #expect(world.stockLeft == 0)
        #expect((world.states.last?.admitted ?? 0) < 20_000, "\(world.states.last?.admitted ?? 0)")
    }

    @Test("nobody passes when nothing is left") func soldOut() {
        var world = LineWorld(.lottery, stock: 0)
        world.enterDrawn(1_000)
        #expect(world.run(seconds: 20)?.threshold.rank == .nobody)
    }

    @Test("draws pass before arrivals, and arrivals in their order") func drawsFirst() {
        var world = LineWorld(.lotteryThenFirstCome, stock: 1_000_000)
        world.enterDrawn(1_500)
        var arrivals: [EntryRank] = []
        for _ in 0..<40 {
            arrivals.append(EntryRank(arrivedAt: world.now))
            world.enter(200)
            let state = world.step()
            #expect(state.admitted >= 1_500 || state.threshold.rank.isDrawn)
        }
        let threshold = world.states.last?.threshold ?? LineThreshold()
        let passed = arrivals.map { threshold.admits($0) }
        #expect(passed.contains(true) && passed.contains(false))
        #expect(passed == passed.sorted { $0 && !$1 }, "who came first passed first")
    }

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
