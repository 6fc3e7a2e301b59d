package import TrancheCore

/// What operators see of one moment: a picture, made once for all watchers from what the center knows anyway.
package struct ConsolePicture: Sendable, Codable {
    /// Rows of lots by units in one picture. Lots beyond it are left out, and counted.
    package static let rowsLimit = 4_000
    /// Sales, stranded accounts, moves and alarms in one picture.
    package static let salesLimit = 200
    package static let strandedLimit = 200
    package static let movesLimit = 20
    package static let alarmsLimit = 20
    package static let contradictionsLimit = 20
    /// Sales whose rules differ by unit.
    package static let rulesLimit = 20

    package struct Sale: Sendable, Codable {
        package let id: String
        package let name: String
        package let phase: Phase
        /// The steps that an operator can take now.
        package let steps: [String]
        package let opensAtMilliseconds: Int64
        package let closesAtMilliseconds: Int64
        package let lots: [LotID]
    }
    /// The state of a sale, and for an open one also what the clock says.
    package enum Phase: String, Sendable, Codable {
        case draft, warming, waiting, open, paused, over, closed, settled
    }
    package struct Lot: Sendable, Codable {
        package let id: LotID
        package let name: String
        package let sale: String?
        package let issued: Int
        package let parts: StockParts
        /// 0, or how many items more (less, if negative) the parts have than were issued: an alarm.
        package let difference: Int
        package let isFrozen: Bool
        package let contest: Contest?
        package var units: [Row]
        /// Items that buyers took per second; `nil` until there are two pictures.
        package var soldPerSecond: Double?
        /// Until what can be sold is sold, at this pace; `nil` if nothing is sold, or nothing is left.
        package var secondsLeft: Int?
    }
    /// One unit's part of a lot, in its present generation.
    package struct Row: Sendable, Codable {
        package let unit: UnitID
        package let generation: Generation
        package let standing: String
        package let parts: StockParts
        /// Items that buyers ever took, and requests that ever came, by the unit's counters.
        package let sold: Int
        package let offered: Int
        /// Requests that wait for quota.
        package let starved: Int
        package let isPrimed: Bool
        /// Whether the unit has reported the lot to this center: without, the counters are 0.
        package let isHeard: Bool
        package var soldPerSecond: Double?
        package var offeredPerSecond: Double?
    }
    /// A lot whose parts do not make its issue.
    package struct Contradiction: Sendable, Codable {
        package let lot: LotID
        package let difference: Int
    }
    package struct Contest: Sendable, Codable {
        package let policy: String
        /// Decisions in the log.
        package let batches: UInt64
        /// Requests with a final place.
        package let decided: Int
        /// Requests that wait in the line.
        package let line: Int
        /// The requests of earlier stamps are decided; 0 before the first decision.
        package let frontierMicroseconds: Int64
        /// Items that may still come to the line.
        package let coming: Int
        package let mayReturn: Int
    }
    package struct Unit: Sendable, Codable {
        package let id: UnitID
        package let name: String
        package let region: String
        package let generation: Generation?
        package let isDrained: Bool
        /// Since its last report; `nil` if this center has none.
        package let silentMilliseconds: Int64?
        /// Whether it may be lost: only then can it be stranded from the console.
        package let isSilent: Bool
        package let position: UInt64?
        package let configVersion: Int?
        /// Lots that it reports, and those of them that its Redis has as its ledger has them.
        package let lots: Int
        package let primed: Int
        package let clock: ClockDocument?
        package let load: LoadFigures?
    }
    package struct Stranded: Sendable, Codable {
        package let lot: LotID
        package let unit: UnitID
        package let generation: Generation
        package let quantity: Int
        package let reason: String
        /// What the account's own ledger shows as sold, if the unit still reports it.
        package let shown: Int?
    }
    package struct Config: Sendable, Codable {
        package let version: Int
        package let isUrgent: Bool
        package let isStopped: Bool
        package let refusal: String?
    }

    package let atMilliseconds: Int64
    package let epoch: Epoch
    package let coordinatorEpoch: Epoch
    package let coordinator: String?
    package let config: Config
    package let sales: [Sale]
    package private(set) var lots: [Lot]
    /// Lots that had no room.
    package let lotsLeftOut: Int
    /// Of all lots, those that are left out too.
    package let contradictions: [Contradiction]
    package let units: [Unit]
    package let stranded: [Stranded]
    /// Of sales whose rules differ by unit.
    package var rules: [RulesDocument] = []
    /// Moves that operators asked for, the newest last.
    package let moves: [QuotaAuthority.Move]
    /// Alarms about messages of units, the newest last.
    package let alarms: [String]
    /// With those that have no room.
    package let alarmCount: Int
    /// Acts that wait for a second person.
    package var proposals: [ProposalDocument] = []

    init(
        at: Instant, _ authority: QuotaAuthority, coordinator: String?, config: Config, sales: [Sale], lots: [Lot],
        lotsLeftOut: Int, contradictions: [Contradiction], units: [Unit], stranded: [Stranded], alarms: [String]
    ) {
        self.atMilliseconds = at.milliseconds
        (self.epoch, self.coordinatorEpoch) = (authority.book.epoch, authority.book.coordinatorEpoch)
        self.coordinator = coordinator
        (self.config, self.sales, self.lots, self.lotsLeftOut) = (config, sales, lots, lotsLeftOut)
        self.contradictions = contradictions
        (self.units, self.stranded) = (units, stranded)
        self.moves = authority.moves.suffix(Self.movesLimit)
        (self.alarms, self.alarmCount) = (alarms.suffix(Self.alarmsLimit), alarms.count)
    }

    /// Fills in how fast things go, by the pictures before.
    ///
    /// - Parameter now: By a clock that never steps.
    package mutating func fill(from rates: inout ConsoleRates, now: Instant) { rates.fill(&self.lots, now: now) }
}
