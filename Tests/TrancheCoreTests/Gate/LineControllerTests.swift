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

    @Test("a slow line moves, too") func slowLine() {
        var world = LineWorld(.lottery, stock: 1_000)
        world.enterDrawn(1_000)
        world.load = LoadFigures(capacityPerSecond: 1, waitingMilliseconds: 0, cpuPermille: 0)
        #expect(world.run(seconds: 20).map { (14...15).contains($0.admitted) } == true)
        world.load = LoadFigures(capacityPerSecond: 1, waitingMilliseconds: 21, cpuPermille: 0)
        let before = world.run(seconds: 30)?.admitted ?? 0
        #expect((world.run(seconds: 100)?.admitted ?? 0) > before)
    }

    @Test("a gate whose clock is ahead lets nobody pass who has not come") func clockAhead() {
        var world = LineWorld(.firstCome, stock: 1_000)
        world.demand.complete(until: .distantFuture)
        for _ in 0..<10 {
            let state = world.step()
            #expect(state.threshold.rank <= EntryRank(arrivedAt: world.now))
        }
    }

    @Test("the pace falls while the units are overloaded, and recovers") func load() {
        var world = LineWorld(.lottery, stock: 100_000_000)
        world.enterDrawn(500_000)
        world.run(seconds: 5)
        world.load = LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 21, cpuPermille: 0)
        world.run(seconds: 30)
        #expect(world.controller.pacePermille == 50)
        let slow = world.states[world.states.count - 1].admitted - world.states[world.states.count - 5].admitted
        #expect((36...39).contains(slow), "\(slow) in a second")
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
}
