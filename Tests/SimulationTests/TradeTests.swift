import Simulation
import Testing

/// Worlds with prices, a payment provider and a shop, while everything breaks as ever. A finding repeats with
/// `tranche simulate --shop --seeds N..N`.
@Suite("Seeded worlds with a provider and a shop") struct TradeTests {
    static let seeds: Range<UInt64> = 0..<1_000

    @Test(
        "nobody pays without item or refund, and the shop hears every fact, in a thousand worlds",
        arguments: [0, 1] as [UInt64])
    func invariantsHoldInWorldsWithAShop(half: UInt64) {
        var marks: Set<String> = []
        for seed in Self.seeds where seed % 2 == half {
            let world = World(seed: seed, trades: true)
            let violations = world.run()
            #expect(
                violations.isEmpty,
                "seed \(seed): \(violations); repeat with: tranche simulate --shop --seeds \(seed)..\(seed)")
            marks.formUnion(world.marks.keys)
        }
        let missing = Coverage.missing(in: marks, trades: true)
        #expect(missing.isEmpty, "no world reached \(missing)")
    }

    @Test("the same holds while a unit is added to the sale")
    func invariantsHoldInWorldsThatGrow() {
        for seed in Self.seeds.prefix(100) {
            let violations = World(seed: seed, grows: true, trades: true).run()
            #expect(
                violations.isEmpty,
                "seed \(seed): \(violations); repeat with: tranche simulate --shop --grow --seeds \(seed)..\(seed)")
        }
    }

    @Test("a planted mistake about money or events is caught within forty worlds", arguments: TradeTests.plants)
    func plantIsCaughtSoon(plant: Plant) {
        let first = Self.seeds.prefix(40).lazy.compactMap { World(seed: $0, plant: plant).run().first }.first
        let isCaught = first.map { plant.breaks.contains($0.invariant) } ?? false
        #expect(isCaught, "\(plant.rawValue): \(String(describing: first))")
    }

    static let plants: [Plant] = [
        .cursorBeforeYes, .refundWithoutKey, .refundForgottenOnRestart, .returnBeforeAsking, .unknownIsUnpaid,
    ]

    @Test("a world with a shop repeats itself, and is another one than without", arguments: 0..<10 as Range<UInt64>)
    func worldsWithAShopRepeat(seed: UInt64) {
        let worlds = [World(seed: seed, trades: true), World(seed: seed, trades: true), World(seed: seed)]
        for world in worlds { _ = world.run() }
        #expect(worlds[0].fingerprint == worlds[1].fingerprint)
        #expect(worlds[0].steps == worlds[1].steps)
        #expect(worlds[0].fingerprint != worlds[2].fingerprint)
    }
}
