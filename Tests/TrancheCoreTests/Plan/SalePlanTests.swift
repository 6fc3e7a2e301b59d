import Testing
import TrancheCore

/// The crowd of the demo: 12,000 buyers in 20 s, three regions of 80, 15 and 5 of a hundred. That is 480, 90 and 30 a second.
enum DemoCrowd {
    static let spans = [PlanQuestion.Span(milliseconds: 20_000, share: 1)]
    static let regions = [
        PlanQuestion.Region(name: "us-east", share: 80, oneWayMilliseconds: 5),
        PlanQuestion.Region(name: "eu-west", share: 15, oneWayMilliseconds: 40),
        PlanQuestion.Region(name: "ap-south", share: 5, oneWayMilliseconds: 90),
    ]

    static func lot(
        start: ContestStart = .whenScarce, limit: Int = 1, pool: Int = 0, line: LinePolicy = .open,
        weights: [String: Int]? = nil
    ) -> PlanQuestion.Lot {
        .init(
            id: LotID(1), stock: 5_000, buyerLimit: limit, poolPermille: pool, start: start,
            terms: ContestTerms(policy: .stamp, waitlist: 500), line: line, weights: weights)
    }

    static func question(_ lot: PlanQuestion.Lot, buyers: Int = 12_000, capacity: Int? = nil) -> PlanQuestion {
        PlanQuestion(buyers: buyers, spans: self.spans, regions: self.regions, lots: [lot], capacity: capacity)
    }
}

/// Every expected number is computed by hand, from the rule in the figure's own sentence.
@Suite("A sale's plan") struct SalePlanTests {
    private func isNear(_ figure: SalePlan.Figure?, _ value: Double) -> Bool {
        guard let figure else { return false }
        return abs(figure.value - value) < 0.001
    }

    @Test("a region has the units that its busiest span needs, at three quarters of what one can do")
    func unitsFollowThePeak() throws {
        let usual = try SalePlan(DemoCrowd.question(DemoCrowd.lot()))
        #expect(usual.regions.map(\.units.value) == [1, 1, 1])
        #expect(zip(usual.regions, [480.0, 90, 30]).allSatisfy { self.isNear($0.peakPerSecond, $1) })
        #expect(usual.capacityPerSecond.value == 21_343)
        #expect(usual.capacityPerSecond.why.contains("docs/performance.md"))
        // 480 / (0.75 * 200) = 3.2, and the others below 1.
        let small = try SalePlan(DemoCrowd.question(DemoCrowd.lot(), capacity: 200))
        #expect(small.regions.map(\.units.value) == [4, 1, 1])
        #expect(small.capacityPerSecond.why == "given as unitCapacity")
        // Half of the buyers in the first second: 6,000 * 0.8 = 4,800 a second.
        let burst = try SalePlan(
            PlanQuestion(
                buyers: 12_000,
                spans: [.init(milliseconds: 1_000, share: 1), .init(milliseconds: 19_000, share: 1)],
                regions: DemoCrowd.regions, lots: [DemoCrowd.lot()]))
        #expect(self.isNear(burst.regions[0].peakPerSecond, 4_800))
    }

    @Test("weights are shares of the demand in parts of 10,000, split over a region's units; the first grants follow")
    func weightsFollowTheDemand() throws {
        let plan = try SalePlan(DemoCrowd.question(DemoCrowd.lot(pool: 100), capacity: 200))
        #expect(
            plan.weights == [
                "us-east-1": 2_000, "us-east-2": 2_000, "us-east-3": 2_000, "us-east-4": 2_000, "eu-west": 1_500,
                "ap-south": 500,
            ])
        // A tenth of 5,000 stays in the pool.
        #expect(
            plan.lots[0].grants == [
                "us-east-1": 900, "us-east-2": 900, "us-east-3": 900, "us-east-4": 900, "eu-west": 675, "ap-south": 225,
            ])
        let own = try SalePlan(DemoCrowd.question(DemoCrowd.lot(weights: ["us-east": 1, "ap-south": 1])))
        #expect(own.lots[0].grants == ["us-east": 2_500, "eu-west": 0, "ap-south": 2_500])
    }

    @Test("memory and disk follow from the orders of a unit, and the Redis of a gate from the buyers")
    func memoryAndDisk() throws {
        let plan = try SalePlan(DemoCrowd.question(DemoCrowd.lot()))
        let region = plan.regions[0]  // 4,000 orders, 9,600 buyers
        #expect(region.memoryBytes.value == 1_192_000)
        #expect(region.diskBytes.value == 4_000 * 300 + 100_663_296)
        #expect(region.redisBytes.value == 49_516 + 1_048_576)
        #expect(region.gateRedisBytes.value == 9_600 * 709 + 1_048_576)
    }

    @Test("a lot is sold out when its requests have passed, and the last one is decided") func soldOut() throws {
        let lot = try SalePlan(DemoCrowd.question(DemoCrowd.lot())).lots[0]
        // 5,000 / 600 a second, and 2 * 90 + 20 ms.
        #expect(self.isNear(lot.soldOutSeconds, 8.5333))
        #expect(self.isNear(lot.settledSeconds, 308.5333))
        #expect(lot.unsoldItems.value == 0 && lot.buyersServed.value == 5_000)
        // Without a contest the last items have to move: 8.3333 * 1.04.
        let never = try SalePlan(DemoCrowd.question(DemoCrowd.lot(start: .never))).lots[0]
        #expect(self.isNear(never.soldOutSeconds, 8.6667))
        let two = try SalePlan(DemoCrowd.question(DemoCrowd.lot(limit: 2))).lots[0]
        #expect(two.buyersServed.value == 2_500)
    }

    @Test("too few buyers leave stock over, without a contest") func unsold() throws {
        let lot = try SalePlan(DemoCrowd.question(DemoCrowd.lot(), buyers: 4_000)).lots[0]
        #expect(lot.soldOutSeconds == nil && lot.unsoldItems.value == 1_000)
        #expect(lot.contestedItems.value == 0 && lot.candidates.value == 0 && lot.contestBytes.value == 0)
        #expect(self.isNear(lot.settledSeconds, 320))
    }

    @Test("what the units cannot take at once waits; arrivals may change from span to span") func waiting() throws {
        let region = PlanQuestion.Region(name: "one", share: 1, oneWayMilliseconds: 10, units: 1)
        func soldOut(_ stock: Int, buyers: Int, capacity: Int, _ spans: [PlanQuestion.Span]) throws -> SalePlan.Figure?
        {
            try SalePlan(
                PlanQuestion(
                    buyers: buyers, spans: spans, regions: [region],
                    lots: [.init(id: LotID(1), stock: stock, start: .never)], capacity: capacity)
            ).lots[0].soldOutSeconds
        }
        // A thousand come in a second, and 100 pass in each: 500 have passed after 5 s.
        let crowd = try soldOut(500, buyers: 1_000, capacity: 100, [.init(milliseconds: 1_000, share: 1)])
        #expect(self.isNear(crowd, 5 * 1.04))
        // A thousand in the first second, a thousand in the next ten: 1,500 have come after 6 s.
        let two = [PlanQuestion.Span(milliseconds: 1_000, share: 1), .init(milliseconds: 10_000, share: 1)]
        #expect(self.isNear(try soldOut(1_500, buyers: 2_000, capacity: 10_000, two), 6 * 1.04))
        // With 500 a second the first thousand has passed after 2.5 s (250 more have come), and then all pass: still 6 s.
        #expect(self.isNear(try soldOut(1_500, buyers: 2_000, capacity: 500, two), 6 * 1.04))
        // Nobody comes in the middle.
        let pause = [two[0], PlanQuestion.Span(milliseconds: 3_000, share: 0), two[0]]
        #expect(self.isNear(try soldOut(1_500, buyers: 2_000, capacity: 10_000, pause), 4.5 * 1.04))
    }

    @Test("a line admits three quarters of what the units can do; without one they take what they can") func admission()
        throws
    {
        let line = try SalePlan(DemoCrowd.question(DemoCrowd.lot(line: .firstCome), capacity: 200))
        #expect(self.isNear(line.lots[0].admittedPerSecond, 900))
        let open = try SalePlan(DemoCrowd.question(DemoCrowd.lot(), capacity: 200))
        #expect(self.isNear(open.lots[0].admittedPerSecond, 1_200))
    }

    @Test("a contest is about what is sold during a switch, or what the sale says") func contest() throws {
        let scarce = try SalePlan(DemoCrowd.question(DemoCrowd.lot())).lots[0]
        // 600 a second for half a second; 300 + 500 winners, and 600 * 0.2 who come during a decision.
        #expect(scarce.contestedItems.value == 300 && scarce.candidates.value == 920)
        // 61 bytes each; 0.2 + 800 / 600 s of three units with 200 reports a second of 452 bytes.
        #expect(abs(scarce.contestBytes.value - (920 * 61 + 920 * 452)) <= 1)
        func items(_ start: ContestStart) throws -> Double {
            try SalePlan(DemoCrowd.question(DemoCrowd.lot(start: start))).lots[0].contestedItems.value
        }
        #expect(try items(.never) == 0)
        #expect(try items(.atShare(permille: 100)) == 500)
        #expect(try items(.fromTheStart) == 5_000)
        // 60,000 a second would sell 30,000: at most a fifth of the stock.
        let large = try SalePlan(DemoCrowd.question(DemoCrowd.lot(), buyers: 1_200_000)).lots[0]
        #expect(large.contestedItems.value == 1_000)
    }

    @Test(
        "a lost region strands its first grants, or a refill if that is more, and nothing of a lot contested from the start"
    )
    func lostRegion() throws {
        func stranded(_ lot: PlanQuestion.Lot) throws -> [Double] {
            try SalePlan(DemoCrowd.question(lot)).regions.map(\.strandedItems.value)
        }
        #expect(try stranded(DemoCrowd.lot()) == [4_000, 750, 250])
        // 1.6 s of 480, 90 and 30 a second.
        #expect(try stranded(DemoCrowd.lot(pool: 1_000)) == [768, 144, 48])
        #expect(try stranded(DemoCrowd.lot(start: .fromTheStart)) == [0, 0, 0])
        let plan = try SalePlan(DemoCrowd.question(DemoCrowd.lot()))
        #expect(plan.regions.map(\.affectedBuyers.value) == [9_600, 1_800, 600])
    }

    @Test("lots share the buyers and the units") func lotsShare() throws {
        let lots = [
            PlanQuestion.Lot(id: LotID(1), stock: 900, start: .never, share: 3),
            PlanQuestion.Lot(id: LotID(2), stock: 900, start: .never, share: 1),
        ]
        let plan = try SalePlan(
            PlanQuestion(
                buyers: 4_000, spans: [.init(milliseconds: 10_000, share: 1)], regions: DemoCrowd.regions, lots: lots,
                capacity: 1_000))
        // 300 and 100 a second.
        #expect(self.isNear(plan.lots[0].soldOutSeconds, 3 * 1.04))
        #expect(self.isNear(plan.lots[1].soldOutSeconds, 9 * 1.04))
        #expect(self.isNear(plan.lots[0].admittedPerSecond, 2_250) && self.isNear(plan.lots[1].admittedPerSecond, 750))
    }
}
