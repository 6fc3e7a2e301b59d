import Testing
import TrancheCore

/// An authority, the rollout of its configuration, and units whose reports the test chooses.
struct SoldSale {
    static let start = Instant(milliseconds: 1_700_000_000_000)
    static let lot = LotID(1)
    static let version = 5
    var authority = QuotaAuthority(book: AuthorityBook(), witnesses: [:])
    var records: [AuthorityRecord] = []
    var rollout: Rollout
    var now = Self.start
    let units: [UnitID]
    private var positions: [UnitID: UInt64] = [:]

    /// - Parameter units: They have registered and reported, and have applied the present version.
    init(units: [UInt16] = [1]) {
        self.units = units.map { UnitID($0) }
        self.rollout = Rollout(version: Self.version, units: self.units)
        self.authority.takeOver(into: &self.records)
        for unit in self.units {
            self.register(unit)
            self.report(unit, [])
            #expect(self.rollout.hear(unit, applied: Self.version) == .noted)
        }
    }

    mutating func register(_ unit: UnitID) {
        _ = self.authority.register(
            RegisterRequest(
                unit: unit, ledger: LedgerID(UInt64(unit.rawValue)), incarnation: Incarnation(1),
                generation: Generation(1), head: .empty, session: 1, answer: nil), now: self.now, into: &self.records)
    }

    /// A unit's next report: what it holds of each lot, and what it sold and was paid for.
    mutating func report(
        _ unit: UnitID, _ lots: [(LotID, granted: Int, sold: Int, paid: Int)], returned: [LotID: Int] = [:],
        allocated: [LotID: Int] = [:],
        isPrimed: Bool = true, generation: Generation = Generation(1), earlier: [UnitReport.Earlier] = []
    ) {
        let position = (self.positions[unit] ?? 0) + 1
        self.positions[unit] = position
        let report = UnitReport(
            unit: unit, ledger: LedgerID(UInt64(unit.rawValue)), incarnation: Incarnation(1), generation: generation,
            session: 1, head: LedgerHead(position: position, digest: .init(high: position, low: 0)), nonce: position,
            lots: lots.map { lot, granted, sold, paid in
                UnitReport.Lot(
                    lot: lot,
                    counters: QuotaCounters(
                        granted: granted, allocated: allocated[lot] ?? 0, returned: returned[lot] ?? 0, sold: sold),
                    offered: sold, starved: 0, hintDone: 0, isPrimed: isPrimed, paid: paid)
            }, earlier: earlier)
        _ = self.authority.report(report, now: self.now, into: &self.records)
    }

    mutating func issue(_ quantity: Int, of lot: LotID = lot) throws {
        try self.authority.issue(lot, quantity: quantity, into: &self.records)
    }

    mutating func grant(_ quantity: Int, of lot: LotID = lot, to unit: UnitID) throws {
        #expect(try self.authority.grant(lot, to: unit, quantity: quantity, into: &self.records) == quantity)
    }

    /// Lets so much time pass without reports that every unit counts as silent.
    mutating func fallSilent() {
        self.now = self.now.advanced(milliseconds: QuotaAuthority.silenceMilliseconds + 1)
    }
}
