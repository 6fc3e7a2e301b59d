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
    /// The ledger holds grants: a center that does not know the unit has lost its log.
    package let hasGrants: Bool
    package let answer: ChallengeAnswer?

    package init(
        unit: UnitID, ledger: LedgerID, incarnation: Incarnation, generation: Generation, head: LedgerHead,
        session: UInt64, hasGrants: Bool = false, answer: ChallengeAnswer?
    ) {
        self.hasGrants = hasGrants
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
    /// The same for positions of earlier generations, where the ledger has them.
    package let earlier: [LedgerHead]
    package init(challenge: UInt64, proof: LedgerHead?, earlier: [LedgerHead] = []) {
        (self.challenge, self.proof, self.earlier) = (challenge, proof, earlier)
    }
}

package enum RegisterReply: Hashable, Sendable, Codable {
    case accepted(QuotaDirectives)
    /// Show the digest at this position; and at those where the center last saw stranded generations of the unit, if the
    /// ledger has them: what they sold can be settled by this very ledger then.
    case proofRequired(position: UInt64, challenge: UInt64, earlier: [UInt64])
    /// The ledger is behind what the center saw, or new: start this generation.
    case newGeneration(QuotaDirectives)
    /// A newer process or another ledger has taken this unit over: stop.
    case superseded
    /// Another process of the unit is alive, and is not pushed out: ask again. If it has gone, it will have been silent.
    case occupied
    /// The unit knows of more than this center does: its log was lost or set back. Sell what is held, and ask again.
    case centerIsBehind

    /// What it tells the unit to hold, if it does.
    package var directives: QuotaDirectives? {
        switch self {
        case .accepted(let directives), .newGeneration(let directives): directives
        case .proofRequired, .superseded, .occupied, .centerIsBehind: nil
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
    /// What an earlier generation of this very ledger has sold and not taken back.
    package struct Earlier: Hashable, Sendable, Codable {
        package let lot: LotID
        package let generation: Generation
        package let live: Int
        package init(lot: LotID, generation: Generation, live: Int) {
            (self.lot, self.generation, self.live) = (lot, generation, live)
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
    /// The position of the center's witness as the unit heard it last; 0 for none.
    package let proves: UInt64
    /// The ledger's digest there: a machine that was set back together with its memory has another one, or none. The shell
    /// fills it in.
    package var proof: LedgerHead?
    package let earlier: [Earlier]

    package init(
        unit: UnitID, ledger: LedgerID, incarnation: Incarnation, generation: Generation, session: UInt64,
        head: LedgerHead, nonce: UInt64, lots: [Lot], proves: UInt64 = 0, proof: LedgerHead? = nil,
        earlier: [Earlier] = []
    ) {
        self.proves = proves
        self.proof = proof
        self.earlier = earlier
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
    /// What the center saw of the unit's ledger last.
    package let witness: LedgerHead?

    package init(
        epoch: Epoch, unit: UnitID, generation: Generation, lots: [Lot], coordinator: CoordinatorAddress? = nil,
        witness: LedgerHead? = nil
    ) {
        self.witness = witness
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
    /// The unit knows of more than this center does: its log was lost or set back. Sell what is held.
    case centerIsBehind
}
