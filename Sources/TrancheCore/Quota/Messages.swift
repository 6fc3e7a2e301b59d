// Messages of units and the center. Every counter is cumulative and whole: the receiver keeps the maximum.

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

/// The answer to the center's question. It proves that the unit's ledger is the one that the center saw.
package struct ChallengeAnswer: Hashable, Sendable, Codable {
    package let challenge: UInt64
    /// The ledger's digest at the requested position; `nil` if the ledger is not that long, and for position 0.
    /// ``LedgerHead/empty`` from a unit that knows of a newer state of its ledger.
    package let proof: LedgerHead?
    /// The same for positions of earlier generations, where the ledger has them.
    package let earlier: [LedgerHead]
    package init(challenge: UInt64, proof: LedgerHead?, earlier: [LedgerHead] = []) {
        (self.challenge, self.proof, self.earlier) = (challenge, proof, earlier)
    }

    /// The answer of a unit whose ledger is known to have been set back, or to be a copy.
    package static func withoutProof(_ challenge: UInt64) -> ChallengeAnswer {
        ChallengeAnswer(challenge: challenge, proof: .empty)
    }
}

package enum RegisterReply: Hashable, Sendable, Codable {
    case accepted(QuotaDirectives)
    /// Show the digest at this position, and at the center's last positions of stranded generations of the unit, if the
    /// ledger has them. This ledger can then settle their sales.
    case proofRequired(position: UInt64, challenge: UInt64, earlier: [UInt64])
    /// The ledger is behind what the center saw, or new: start this generation.
    case newGeneration(QuotaDirectives)
    /// A newer process or another ledger has taken this unit over: stop.
    case superseded
    /// Another process of the unit is alive: ask again. A process that has ended will be silent.
    case occupied
    /// The unit has grants that the center's log lacks: the log was lost or set back. Sell what is held, and ask again.
    case centerIsBehind

    /// The directives of the reply, if it has any.
    package var directives: QuotaDirectives? {
        switch self {
        case .accepted(let directives), .newGeneration(let directives): directives
        case .proofRequired, .superseded, .occupied, .centerIsBehind: nil
        }
    }
}

/// A unit's report, several times a second. All its values are durable in the unit's ledger.
package struct UnitReport: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        package let counters: QuotaCounters
        /// All requests for the lot in this incarnation; known orders are not counted again.
        package let offered: Int
        /// Requests that wait for quota now.
        package let starved: Int
        /// The newest reclaim hint that was carried out.
        package let hintDone: UInt64
        /// Redis has the lot as the ledger has it.
        package let isPrimed: Bool
        /// The paid part of the live stock.
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
    /// Items that an earlier generation of this ledger has sold and not taken back.
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
    /// The position of the center's witness that the unit received last; 0 for none.
    package let proves: UInt64
    /// The ledger's digest there. A machine that was set back together with its memory has another digest, or none. The
    /// shell fills it in.
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

/// The center's directives to a unit: in the reply to a report, and pushed when a grant is made.
package struct QuotaDirectives: Hashable, Sendable, Codable {
    package struct Lot: Hashable, Sendable, Codable {
        package let lot: LotID
        /// `G`, as a total.
        package let granted: Int
        /// A reclaim: "keep K". A hint, with a number so that it is carried out once.
        package let hint: ReclaimHint?
        /// Stock that could still come: the pool, and the available stock of other live units.
        package let elsewhere: Int
        /// Set while the lot is contended: the number of a unit's requests that can still get a place.
        package let contest: Int?
        /// The lot's branches of this unit, in the order in which they were added; `nil` for none. They come with each
        /// message, as grants do: a ledger that was set back has them before it has quota.
        package let branches: [BranchRecord]?

        package init(
            lot: LotID, granted: Int, hint: ReclaimHint?, elsewhere: Int, contest: Int? = nil,
            branches: [BranchRecord]? = nil
        ) {
            self.branches = branches
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
    /// The coordinator that leads the contests now.
    package let coordinator: CoordinatorAddress?
    /// The center's last witness of the unit's ledger.
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

/// The leading coordinator, and its address for units.
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
    /// The unit has grants that the center's log lacks: the log was lost or set back. Sell what is held.
    case centerIsBehind
}
