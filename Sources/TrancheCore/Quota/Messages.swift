// What units and the center tell each other. Every counter is cumulative and whole: the receiver keeps the maximum.

/// A unit asks to sell: it shows its ledger, and proves it if the center asks.
package struct RegisterRequest: Hashable, Sendable, Codable {
    package let unit: UnitID
    package let ledger: LedgerID
    package let incarnation: Incarnation
    package let generation: Generation
    /// The ledger's end. The shell fills it in after the commit.
    package var head: LedgerHead
    /// Drawn by the process at its start.
    package let session: UInt64
    package let answer: ChallengeAnswer?

    package init(
        unit: UnitID, ledger: LedgerID, incarnation: Incarnation, generation: Generation, head: LedgerHead,
        session: UInt64, answer: ChallengeAnswer?
    ) {
        self.unit = unit
        self.ledger = ledger
        self.incarnation = incarnation
        self.generation = generation
        self.head = head
        self.session = session
        self.answer = answer
    }
}

/// The answer to the center's question, which shows that the unit's ledger is the one that the center saw.
package struct ChallengeAnswer: Hashable, Sendable, Codable {
    package let challenge: UInt64
    /// The ledger's digest at the position that was asked for; `nil` if the ledger is not that long.
    package let proof: LedgerHead?
    package init(challenge: UInt64, proof: LedgerHead?) { (self.challenge, self.proof) = (challenge, proof) }
}

package enum RegisterReply: Hashable, Sendable, Codable {
    case accepted(QuotaDirectives)
    /// Show the digest at this position.
    case proofRequired(position: UInt64, challenge: UInt64)
    /// The ledger is behind what the center saw, or new: start this generation.
    case newGeneration(QuotaDirectives)
    /// A newer process or another ledger has taken this unit over: stop.
    case superseded

    /// What it tells the unit to hold, if it does.
    package var directives: QuotaDirectives? {
        switch self {
        case .accepted(let directives), .newGeneration(let directives): directives
        case .proofRequired, .superseded: nil
        }
    }
}

/// What a unit reports, some times a second. Everything in it is durable in the unit's ledger.
package struct UnitReport: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        package let counters: QuotaCounters
        /// Requests for the lot, ever, in this incarnation; known orders are not counted again.
        package let offered: Int
        /// Requests that wait for quota now.
        package let starved: Int
        /// The newest reclaim hint that was carried out.
        package let hintDone: UInt64
        /// Redis holds the lot as the ledger has it.
        package let isPrimed: Bool
        /// Of the live stock, what is paid.
        package let paid: Int

        package init(
            lot: LotID, counters: QuotaCounters, offered: Int, starved: Int, hintDone: UInt64, isPrimed: Bool, paid: Int
        ) {
            self.lot = lot
            self.counters = counters
            self.offered = offered
            self.starved = starved
            self.hintDone = hintDone
            self.isPrimed = isPrimed
            self.paid = paid
        }
    }
    package let unit: UnitID
    package let ledger: LedgerID
    package let incarnation: Incarnation
    package let generation: Generation
    package let session: UInt64
    package var head: LedgerHead
    package let nonce: UInt64
    package let lots: [Lot]

    package init(
        unit: UnitID, ledger: LedgerID, incarnation: Incarnation, generation: Generation, session: UInt64,
        head: LedgerHead, nonce: UInt64, lots: [Lot]
    ) {
        self.unit = unit
        self.ledger = ledger
        self.incarnation = incarnation
        self.generation = generation
        self.session = session
        self.head = head
        self.nonce = nonce
        self.lots = lots
    }
}

/// What the center tells a unit: in the reply to a report, and pushed when a grant is made.
package struct QuotaDirectives: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        /// `G`, as a total.
        package let granted: Int
        /// A reclaim: "keep K". A hint, numbered, so that it is carried out once.
        package let hint: ReclaimHint?
        /// What others could still give: the pool, and what is available in other live units.
        package let elsewhere: Int
        /// Set from the moment when the lot is contended: how many requests of a unit can still get something.
        package let contest: Int?

        package init(lot: LotID, granted: Int, hint: ReclaimHint?, elsewhere: Int, contest: Int? = nil) {
            self.lot = lot
            self.granted = granted
            self.hint = hint
            self.elsewhere = elsewhere
            self.contest = contest
        }
    }
    package let epoch: Epoch
    package let unit: UnitID
    package let generation: Generation
    package let lots: [Lot]
    /// Who leads the contests now.
    package let coordinator: CoordinatorAddress?

    package init(
        epoch: Epoch, unit: UnitID, generation: Generation, lots: [Lot], coordinator: CoordinatorAddress? = nil
    ) {
        self.coordinator = coordinator
        self.epoch = epoch
        self.unit = unit
        self.generation = generation
        self.lots = lots
    }
}

/// The leading coordinator, and where units reach it.
package struct CoordinatorAddress: Hashable, Sendable, Codable {
    package let epoch: Epoch
    package let url: String
    package init(epoch: Epoch, url: String) { (self.epoch, self.url) = (epoch, url) }
}

package struct ReclaimHint: Hashable, Sendable, Codable {
    package let number: UInt64
    package let keep: Int
    package init(number: UInt64, keep: Int) { (self.number, self.keep) = (number, keep) }
}

package enum ReportReply: Hashable, Sendable, Codable {
    case directives(QuotaDirectives)
    /// The center does not know this process: register.
    case registerFirst
    case superseded
}
