import Simulation
import Testing
import TrancheCore

/// A plan beside what becomes of it, for the crowd of the demo.
@Suite("Simulated plans") struct SimulatedPlanTests {
    private func question(buyers: Int = 12_000, line: LinePolicy = .open, capacity: Int? = nil) -> PlanQuestion {
        PlanQuestion(
            buyers: buyers, spans: [.init(milliseconds: 20_000, share: 1)],
            regions: [
                .init(name: "us-east", share: 80, oneWayMilliseconds: 5, units: capacity == nil ? nil : 1),
                .init(name: "eu-west", share: 15, oneWayMilliseconds: 40),
                .init(name: "ap-south", share: 5, oneWayMilliseconds: 90),
            ],
            lots: [
                .init(
                    id: LotID(1), stock: 5_000, terms: ContestTerms(policy: .stamp, waitlist: 500), line: line)
            ], capacity: capacity)
    }

    private func isNear(_ simulated: Double?, _ planned: SalePlan.Figure?) -> Bool {
        guard let simulated, let planned else { return false }
        return abs(simulated / planned.value - 1) <= 0.15
    }

    @Test("the lot is sold out when the plan says, within 15 %", arguments: [1, 2] as [UInt64])
    func soldOutAsPlanned(seed: UInt64) throws {
        let question = self.question()
        let plan = try SalePlan(question)
        let run = try #require(try SimulatedPlan.run(question, plan, seed: seed).first)
        #expect(self.isNear(run.soldOutSeconds, plan.lots[0].soldOutSeconds), "\(run)")
        #expect(run.unsoldItems == 0)
        for region in plan.regions {
            #expect(Double(run.heldAtMost[region.name] ?? 0) <= region.strandedItems.value)
        }
        #expect(try SimulatedPlan.run(question, plan, seed: seed) == [run], "the same seed gives the same people")
    }

    @Test("a line that passes less than comes makes the sale longer, as planned") func lineMakesItLonger() throws {
        // One unit for 480 a second passes 0.75 * 400, and the others all of their 90 and 30: 5,000 need 11.9 s.
        let question = self.question(line: .firstCome, capacity: 400)
        let plan = try SalePlan(question)
        let run = try #require(try SimulatedPlan.run(question, plan, seed: 1).first)
        #expect(abs((plan.lots[0].soldOutSeconds?.value ?? 0) - (5_000.0 / 420 + 0.2)) < 0.01)
        #expect(self.isNear(run.soldOutSeconds, plan.lots[0].soldOutSeconds), "\(run)")
        #expect(run.waitingAtMost > 1_000)
    }

    @Test("a run has limits") func limits() throws {
        let question = self.question(buyers: 2_000_001)
        let plan = try SalePlan(question)
        #expect(throws: PlanError.outOfRange("simulated crowd.buyers", 2_000_001, 0...2_000_000)) {
            try SimulatedPlan.run(question, plan, seed: 1)
        }
    }
}
