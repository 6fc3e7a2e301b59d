package import TrancheCore

/// A coordinator's view of the quota, and its commands.
package struct QuotaState: Sendable, Codable {
    package struct Lot: Sendable, Codable {
        package let lot: LotID
        package let issued: Int
        package let pool: Int
        package let stranded: Int
        package let isFrozen: Bool
        package let units: [Unit]
        /// Of a contended lot.
        package let contest: ContestMerge.Stock?
        /// Of a contended lot: requests that wait for returned stock.
        package let waitlisted: Int?
        /// Items that became stock of another lot; `nil` for none.
        package let carried: Int?
        package init(
            lot: LotID, issued: Int, pool: Int, stranded: Int, isFrozen: Bool, units: [Unit],
            contest: ContestMerge.Stock?, waitlisted: Int?, carried: Int? = nil
        ) {
            self.carried = carried
            self.contest = contest
            self.waitlisted = waitlisted
            self.lot = lot
            self.issued = issued
            self.pool = pool
            self.stranded = stranded
            self.isFrozen = isFrozen
            self.units = units
        }
    }
    /// One account of one lot, from the authority's log and the unit's last report.
    package struct Unit: Sendable, Codable {
        package let unit: UnitID
        package let generation: Generation
        package let standing: String
        package let granted: Int
        /// Given to orders of this unit by contests.
        package let allocated: Int
        package let returned: Int
        package let available: Int
        package let live: Int
        package let paid: Int
        package let offered: Int
        package let starved: Int
        package let silentMilliseconds: Int64?
        package var isActive: Bool { self.standing == Self.active }
        /// Whether an operator must settle the account.
        package var isStranded: Bool { self.standing.hasPrefix(Self.stranded) }
        package var outstanding: Int { self.granted + self.allocated - self.returned }
        package static let active = "active"
        /// The prefix of a stranded account's standing; the reason follows.
        package static let stranded = "stranded: "

        package init(
            unit: UnitID, generation: Generation, standing: String, granted: Int, allocated: Int, returned: Int,
            available: Int, live: Int, paid: Int, offered: Int, starved: Int, silentMilliseconds: Int64?
        ) {
            self.unit = unit
            self.generation = generation
            self.standing = standing
            self.granted = granted
            self.allocated = allocated
            self.returned = returned
            self.available = available
            self.live = live
            self.paid = paid
            self.offered = offered
            self.starved = starved
            self.silentMilliseconds = silentMilliseconds
        }
    }
    package let epoch: Epoch
    package let coordinatorEpoch: Epoch
    /// The address of the leading coordinator; `nil` if the center does not know one.
    package let coordinatorURL: String?
    package let nowMicroseconds: Instant
    package let lots: [Lot]
    private let units: [UnitName]?
    private struct UnitName: Sendable, Codable {
        let id: UnitID
        let name: String
    }
    /// The names of the units, as their certificates have them.
    package var unitNames: [UnitID: String] {
        Dictionary((self.units ?? []).map { ($0.id, $0.name) }) { first, _ in first }
    }

    package init(
        epoch: Epoch, coordinatorEpoch: Epoch, coordinatorURL: String?, now: Instant, lots: [Lot],
        unitNames: [UnitID: String] = [:]
    ) {
        self.units = unitNames.sorted { $0.key < $1.key }.map { UnitName(id: $0.key, name: $0.value) }
        self.coordinatorURL = coordinatorURL
        self.epoch = epoch
        self.coordinatorEpoch = coordinatorEpoch
        self.nowMicroseconds = now
        self.lots = lots
    }
}

extension AuthorityBook.AccountStatus {
    package var text: String {
        switch self {
        case .active: QuotaState.Unit.active
        case .stranded(let reason): QuotaState.Unit.stranded + reason
        case .settled: "settled"
        }
    }
}
