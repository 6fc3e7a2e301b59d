/// Decides the moves of quota while a sale runs: it refills units that run low, and reclaims from units with a surplus.
///
/// Sans-IO. It owns estimates only: a restart at any moment affects speed only.
///
/// The size of a grant follows guided self-scheduling (Polychronopoulos and Kuck, IEEE ToC 1987): half of a unit's
/// share of the rest, so tranches shrink with the pool and no unit strands the last items.
package struct Rebalancer: Sendable {
    package struct Settings: Sendable {
        /// Round trip, tick and fsync together, in milliseconds: the delay of a grant.
        package var replyMilliseconds: Int64 = 400
        /// Weight of the newest sample in the demand estimate, per second of its age.
        package var smoothingPerSecond: Double = 2
        /// Pause between two reclaims of one unit and lot, in milliseconds.
        package var coolDownMilliseconds: Int64 = 300
        /// Surpluses are reclaimed when the pool holds less than is sold in this time, in milliseconds: a little before
        /// it is empty, because reclaimed stock takes a while to arrive.
        package var reclaimMilliseconds: Int64 = 2_000
        /// A unit keeps this many times its low-water mark before it has a surplus.
        package var surplusFactor: Double = 2
        /// Duration of a switch to the contest, in milliseconds: stock that would be sold in this time is contested.
        package var switchMilliseconds: Int64 = 500
        /// A switch because of scarcity contests at most this share of the lot, in permille.
        package var contestedPermille = 200

        package init() {}
    }

    /// One unit's part of one lot, by its last report.
    package struct Sample: Hashable, Sendable, Codable {
        package let unit: UnitID
        /// Items that it can sell, grants under way included.
        package let available: Int
        /// All requests in its incarnation.
        package let offered: Int
        /// Requests that wait for quota.
        package let starved: Int
        /// The time of the report, by the center's clock.
        package let heardAt: Instant
        /// The unit reports, is not drained, and is not stranded.
        package let isLive: Bool
        package init(unit: UnitID, available: Int, offered: Int, starved: Int, heardAt: Instant, isLive: Bool) {
            self.unit = unit
            self.available = available
            self.offered = offered
            self.starved = starved
            self.heardAt = heardAt
            self.isLive = isLive
        }
    }

    package enum Decision: Hashable, Sendable, Codable {
        case grant(LotID, UnitID, quantity: Int)
        case reclaim(LotID, UnitID, keep: Int)
        /// Leave local sales for the contest.
        case contend(LotID, ContestTerms)
    }

    struct Demand: Sendable {
        var offered: Int
        var heardAt: Instant
        var perSecond: Double = 0
        var reclaimedAt = Instant.distantPast
    }
    private struct Key: Hashable { let lot: LotID; let unit: UnitID }

    package let settings: Settings
    private var demands: [Key: Demand] = [:]

    package init(settings: Settings = Settings()) { self.settings = settings }

    /// Requests per second that a unit offers for a lot, as estimated.
    package func demand(_ lot: LotID, _ unit: UnitID) -> Double {
        self.demands[Key(lot: lot, unit: unit)]?.perSecond ?? 0
    }

    /// Whether the lot is so scarce that it should be contested from now on. `left` is the pool and the stock that all
    /// units can still sell, units without a report included. Call it before ``decide(_:pool:samples:now:)``.
    package mutating func isScarce(
        _ lot: LotID, issued: Int, left: Int, samples: [Sample], start: ContestStart
    ) -> Bool {
        for sample in samples { self.observe(lot, sample) }
        let rate = samples.filter(\.isLive).reduce(0.0) { $0 + self.demand(lot, $1.unit) }
        switch start {
        case .never: return false
        case .fromTheStart: return true
        case .atShare(let permille): return left <= issued * permille / 1_000
        case .whenScarce:
            let sold = rate * Double(self.settings.switchMilliseconds) / 1_000
            return rate > 0 && left <= min(issued * self.settings.contestedPermille / 1_000, Self.items(sold))
        }
    }

    /// One round for one lot. `samples` are in order of the unit.
    package mutating func decide(_ lot: LotID, pool: Int, samples: [Sample], now: Instant) -> [Decision] {
        for sample in samples { self.observe(lot, sample) }
        let live = samples.filter(\.isLive)
        let total = live.reduce(0.0) { $0 + self.demand(lot, $1.unit) }
        // The time until the rest is sold at this rate. No unit needs more than for that time, so that all units run
        // dry together, and not the slow ones last.
        let seconds = total > 0 ? live.reduce(Double(pool)) { $0 + Double($1.available) } / total : .infinity
        var decisions: [Decision] = []
        var (left, missing) = (pool, 0)
        for sample in live where sample.available < self.lowWater(lot, sample) {
            let wanted = min(self.target(lot, sample), self.lasting(lot, sample, seconds)) - sample.available
            guard wanted > 0 else { continue }
            let share = total > 0 ? self.demand(lot, sample.unit) / total : 1 / Double(live.count)
            let size = TrancheSize.grant(share: share, pool: left, cap: wanted)
            if size > 0 { decisions.append(.grant(lot, sample.unit, quantity: size)) }
            left -= size
            missing += max(0, wanted - size)
        }
        guard live.count > 1 else { return decisions }
        let soon = Self.items(total * Double(self.settings.reclaimMilliseconds) / 1_000)
        if missing > left || soon > left {
            self.reclaim(lot, max(missing, soon) - left, live, seconds, now: now, into: &decisions)
        }
        return decisions
    }

    /// The demand of a unit in this many seconds.
    private func lasting(_ lot: LotID, _ sample: Sample, _ seconds: Double) -> Int {
        let expected = self.demand(lot, sample.unit) * seconds
        // Zero demand times infinite time is not a number: there is no limit then.
        guard expected < Double(Limits.stockPerLot) else { return Limits.stockPerLot }
        return min(Limits.stockPerLot, max(1, sample.starved, Self.items(expected)))
    }

    /// Whole items, and at most the limit of a lot: a rate is an estimate from a peer's numbers and can have any value.
    package static func items(_ count: Double) -> Int {
        guard count > 0 else { return 0 }
        return count < Double(Limits.stockPerLot) ? Int(count.rounded(.up)) : Limits.stockPerLot
    }

    private mutating func observe(_ lot: LotID, _ sample: Sample) {
        let key = Key(lot: lot, unit: sample.unit)
        guard var demand = self.demands[key], sample.offered >= demand.offered else {
            self.demands[key] = Demand(offered: sample.offered, heardAt: sample.heardAt)  // New, or a new incarnation.
            return
        }
        let seconds = (Double(sample.heardAt.microseconds) - Double(demand.heardAt.microseconds)) / 1e6
        guard seconds > 0 else { return }
        let rate = Double(sample.offered - demand.offered) / seconds
        let weight = min(1, self.settings.smoothingPerSecond * seconds)
        demand.perSecond += weight * (rate - demand.perSecond)
        if demand.perSecond < 0.01 { demand.perSecond = 0 }
        demand.offered = sample.offered
        demand.heardAt = sample.heardAt
        self.demands[key] = demand
    }

    /// Below this, a unit needs a refill: twice its sales while the refill is on its way.
    private func lowWater(_ lot: LotID, _ sample: Sample) -> Int {
        let perSecond = self.demand(lot, sample.unit)
        let expected = perSecond * Double(self.settings.replyMilliseconds) / 1_000 * 2
        return max(Self.items(expected), min(Limits.stockPerLot, max(0, sample.starved)))
    }

    /// A refill fills a unit up to this.
    private func target(_ lot: LotID, _ sample: Sample) -> Int { self.lowWater(lot, sample) * 2 }

    /// Reclaims at most half of a surplus, from the largest first, with a pause for each unit after it.
    private mutating func reclaim(
        _ lot: LotID, _ missing: Int, _ live: [Sample], _ seconds: Double, now: Instant,
        into decisions: inout [Decision]
    ) {
        var left = missing
        let surpluses = live.map { sample in
            let kept = Self.items(Double(self.lowWater(lot, sample)) * self.settings.surplusFactor)
            return (sample: sample, surplus: sample.available - min(kept, self.lasting(lot, sample, seconds)))
        }
        for (sample, surplus) in surpluses.sorted(by: { ($0.surplus, $0.sample.unit) > ($1.surplus, $1.sample.unit) }) {
            let key = Key(lot: lot, unit: sample.unit)
            guard left > 0, surplus > 0, let demand = self.demands[key],
                now.milliseconds(since: demand.reclaimedAt) >= self.settings.coolDownMilliseconds
            else { continue }
            let taken = min(left, (surplus + 1) / 2)
            decisions.append(.reclaim(lot, sample.unit, keep: sample.available - taken))
            self.demands[key]?.reclaimedAt = now
            left -= taken
        }
    }
}

/// The size of one grant.
package enum TrancheSize {
    /// `clamp(ceil(share * pool / 2), 1, cap)`, and never more than the pool.
    package static func grant(share: Double, pool: Int, cap: Int) -> Int {
        guard pool > 0, cap > 0 else { return 0 }
        let half = Rebalancer.items(share * Double(pool) / 2)
        return min(pool, min(cap, max(1, half)))
    }
}
