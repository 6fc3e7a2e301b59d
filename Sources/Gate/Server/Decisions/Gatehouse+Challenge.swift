import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Challenges: which kinds a buyer may choose, and how each is made.

extension Gatehouse {
    /// A new challenge for a session.
    ///
    /// - Parameter kind: `nil`: the one that the sale asks for.
    func challenge(
        _ asker: Asker, lot: LotID, kind: ChallengeKind?, now: Instant
    ) throws(Problem) -> OfferedChallenge {
        let refusal = self.machine.withLockedValue { machine -> GateRefusal?? in
            machine.judgeChallenge(
                asker.caller, lot, keys: asker.keys, now: now, steady: SystemClock.monotonic(),
                draw: asker.draw(now: now))
        }
        guard let refusal else { throw self.unknownLot(lot) }
        if let refusal { throw self.refused(refusal) }
        let terms = self.setting.withLockedValue { $0.sales[lot]?.gateTerms } ?? GateTerms(nil)
        // A sale without challenges still makes one of work for a page whose status is old.
        let wanted: ChallengeKind = kind ?? (terms.challenge == .question ? .question : .work)
        guard wanted == .work || terms.kinds.contains(wanted) else {
            throw Problem(
                status: 409, code: "unknown_kind",
                detail: "the sale sets no challenge of the kind \(wanted.rawValue); it sets: "
                    + (terms.kinds.isEmpty ? "none" : terms.kinds.map(\.rawValue).sorted().joined(separator: ", ")))
        }
        self.count("challenge")
        return self.challenge(wanted, terms, session: asker.session.id, lot: lot, level: 0, now: now)
    }

    /// - Parameter level: Higher for a session that answered too fast.
    func challenge(
        _ kind: ChallengeKind, _ terms: GateTerms, session: UInt64, lot: LotID, level: Int, now: Instant
    ) -> OfferedChallenge {
        var random = SystemRandomNumberGenerator()
        let level = level + (terms.switches.isHarder ? 1 : 0)
        switch kind {
        case .work: return .work(self.work(terms, session: session, lot: lot, level: level, now: now))
        case .question:
            if let widget = self.provider?.widget(now: SystemClock.monotonic()) {
                return .sealed(
                    self.sealed.makeProvider(session: session, lot: lot, widget: widget, now: now, using: &random))
            }
            return .sealed(self.picture(session: session, lot: lot, level: level, now: now))
        case .clock:
            return .sealed(
                self.sealed.makeClock(
                    session: session, lot: lot, waitMilliseconds: Int64(terms.clockMilliseconds), now: now,
                    using: &random))
        }
    }

    func picture(session: UInt64, lot: LotID, level: Int, now: Instant) -> SealedChallenge {
        var random = SystemRandomNumberGenerator()
        return self.sealed.makeQuestion(session: session, lot: lot, level: level, now: now, using: &random)
    }

    /// Work, which is harder where it stands in for a question.
    func work(_ terms: GateTerms, session: UInt64, lot: LotID, level: Int, now: Instant) -> Challenge {
        var random = SystemRandomNumberGenerator()
        let more = terms.challenge == .question ? ChallengeOffer.workLevelsBesideQuestion : 0
        let work = ChallengeWork(cost: terms.workCost, level: level + more)
        return self.challenges.make(session: session, lot: lot, work: work, now: now, using: &random)
    }
}
