import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Entries into a line, and challenges.

extension Gatehouse {
    struct EntryAsked {
        let plan: GateMachine.EntryPlan
        let session: UInt64
    }

    func entry(_ asker: Asker, lot: LotID, now: Instant) throws(Problem) -> EntryAsked {
        let number = try self.drawNumber(lot, asker.session.buyer)
        let judged = self.machine.withLockedValue { machine in
            machine.judgeEntry(
                asker.caller, lot, keys: asker.keys, drawNumber: number, now: now, steady: SystemClock.monotonic(),
                draw: asker.draw(now: now))
        }
        guard let judged else { throw self.unknownLot(lot) }
        switch judged {
        case .success(let plan): return EntryAsked(plan: plan, session: asker.session.id)
        case .failure(let refusal): throw self.refused(refusal)
        }
    }

    /// A drawn lot whose seed has not come yet takes no entries: a rank that is made without it would be wrong for ever.
    private func drawNumber(_ lot: LotID, _ buyer: BuyerID) throws(Problem) -> UInt64 {
        let (sale, seed) = self.setting.withLockedValue { setting in
            let sale = setting.sales[lot]
            return (sale, sale.flatMap { setting.seeds[$0.id] })
        }
        guard let line = sale?.lots.first(where: { $0.id == lot })?.policy, line.isDrawn else { return 0 }
        guard let seed else { throw self.refused(.recovering(retryAfterMilliseconds: 1_000)) }
        return seed.number(lot: lot, buyer: buyer)
    }

    func enter(
        _ asked: EntryAsked, _ reply: GateReply, now: Instant
    ) throws(Problem) -> (document: EntryDocument, isNew: Bool) {
        let entry: GateMachine.Entry
        do { entry = try self.machine.withLockedValue({ $0.enter(asked.plan, reply) }).get() } catch {
            throw self.refused(error)
        }
        self.count(entry.isNew ? "entry" : "entry_again")
        let terms = self.setting.withLockedValue { $0.sales[asked.plan.lot]?.gateTerms }
        let challenge = terms.flatMap { terms in
            terms.challenge == .none
                ? nil : self.challenge(terms, session: asked.session, lot: asked.plan.lot, level: 0, now: now)
        }
        let ticket = EntryTicket(
            lot: asked.plan.lot, buyer: asked.plan.buyer, rank: entry.rank, arrivedAt: entry.rank.arrivedAt ?? now)
        let ahead = terms?.switches.hasEstimates == false ? nil : entry.ahead
        return (
            EntryDocument(ticket: self.tickets.seal(ticket), rank: entry.rank, challenge: challenge, ahead: ahead),
            entry.isNew
        )
    }

    /// A new challenge for a session.
    func challenge(_ asker: Asker, lot: LotID, now: Instant) throws(Problem) -> ChallengeDocument {
        let refusal = self.machine.withLockedValue { machine -> GateRefusal?? in
            machine.judgeChallenge(
                asker.caller, lot, keys: asker.keys, now: now, steady: SystemClock.monotonic(),
                draw: asker.draw(now: now))
        }
        guard let refusal else { throw self.unknownLot(lot) }
        if let refusal { throw self.refused(refusal) }
        let terms = self.setting.withLockedValue { $0.sales[lot]?.gateTerms } ?? GateTerms(nil)
        self.count("challenge")
        return ChallengeDocument(
            challenge: self.challenge(terms, session: asker.session.id, lot: lot, level: 0, now: now))
    }

    /// - Parameter level: Higher for a session that answered too fast.
    func challenge(_ terms: GateTerms, session: UInt64, lot: LotID, level: Int, now: Instant) -> Challenge {
        var random = SystemRandomNumberGenerator()
        let work = ChallengeWork(cost: terms.workCost, level: level + (terms.switches.isHarder ? 1 : 0))
        return self.challenges.make(session: session, lot: lot, work: work, now: now, using: &random)
    }
}
