package import TrancheCore

/// The quota as the leading coordinator reads it before each round: the lots that have changed since the message that it has.
///
/// What changes with every report of a unit is told once for each unit, and not for each of its lots: idle lots cost nothing.
package struct LeaderQuota: Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        package let issued: Int
        package let pool: Int
        package let isFrozen: Bool
        /// What each account can still sell.
        package let available: [Int]
        package let parts: [Part]
        /// When the lot becomes contested, and by which rules.
        package let contestStart: ContestStart
        package let contestTerms: ContestTerms
        /// Of a contended lot.
        package let contest: ContestMerge.Stock?

        package init(
            lot: LotID, issued: Int, pool: Int, isFrozen: Bool, available: [Int], samples: [Rebalancer.Sample],
            contestStart: ContestStart, contestTerms: ContestTerms, contest: ContestMerge.Stock?
        ) {
            (self.lot, self.issued, self.pool, self.isFrozen) = (lot, issued, pool, isFrozen)
            self.available = available
            self.parts = samples.map(Part.init)
            (self.contestStart, self.contestTerms, self.contest) = (contestStart, contestTerms, contest)
        }
    }
    /// A unit's part of a lot: ``Rebalancer/Sample`` without the time of the report.
    package struct Part: Hashable, Sendable, Codable {
        package let unit: UnitID
        package let available: Int
        package let offered: Int
        package let starved: Int
        package let isLive: Bool

        init(_ sample: Rebalancer.Sample) {
            (self.unit, self.available, self.offered) = (sample.unit, sample.available, sample.offered)
            (self.starved, self.isLive) = (sample.starved, sample.isLive)
        }
    }
    package struct Unit: Hashable, Sendable, Codable {
        package let id: UnitID
        /// As its certificate has it.
        package let name: String
        /// The time of its last report, by the center's clock; `nil` if this center has none.
        package let heardAt: Instant?
        package init(id: UnitID, name: String, heardAt: Instant?) {
            (self.id, self.name, self.heardAt) = (id, name, heardAt)
        }
    }

    package let number: UInt64
    package let isWhole: Bool
    /// By the center's clock.
    package let now: Instant
    package let units: [Unit]
    package let lots: [Lot]

    package init(_ message: SentValues<LotID, Lot>.Message, now: Instant, units: [Unit]) {
        (self.number, self.isWhole) = (message.number, message.isWhole)
        self.now = now
        self.units = units.sorted { $0.id < $1.id }
        self.lots = message.values.values.sorted { $0.lot < $1.lot }
    }
}

/// The quota that a coordinator has from all messages so far.
package struct KnownQuota: Sendable {
    /// Of the last message; the next call names it.
    package private(set) var number: UInt64?
    package private(set) var now = Instant.distantPast
    package private(set) var unitNames: [UnitID: String] = [:]
    private var heardAt: [UnitID: Instant] = [:]
    private var all: [LotID: LeaderQuota.Lot] = [:]

    package init() {}

    package mutating func take(_ message: LeaderQuota) {
        if message.isWhole { self.all = [:] }
        for lot in message.lots { self.all[lot.lot] = lot }
        // Each message is within its limit. Together they are not if a center sends one change after another: it has to send all
        // lots again.
        guard self.all.count <= Limits.lotsPerMessage else { return self = KnownQuota() }
        self.heardAt = Dictionary(message.units.compactMap { unit in unit.heardAt.map { (unit.id, $0) } }) { $1 }
        self.unitNames = Dictionary(message.units.map { ($0.id, $0.name) }) { $1 }
        self.number = message.number
        self.now = message.now
    }

    /// In order of the lot.
    package var lots: [LeaderQuota.Lot] { self.all.values.sorted { $0.lot < $1.lot } }

    /// A lot that is sold locally, for one round.
    package func stock(_ lot: LeaderQuota.Lot) -> Rebalancer.Stock {
        let samples = lot.parts.compactMap { part in
            self.heardAt[part.unit].map {
                Rebalancer.Sample(
                    unit: part.unit, available: part.available, offered: part.offered, starved: part.starved,
                    heardAt: $0, isLive: part.isLive)
            }
        }
        return Rebalancer.Stock(
            lot: lot.lot, issued: lot.issued, pool: lot.pool, available: lot.available, isFrozen: lot.isFrozen,
            samples: samples, start: lot.contestStart, terms: lot.contestTerms)
    }
}
