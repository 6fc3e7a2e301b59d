import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// Entries into a line.

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
        // A question is put when a person is there to read it.
        let challenge = terms.flatMap { terms in
            terms.challenge == .work
                ? self.work(
                    terms, session: asked.session, lot: asked.plan.lot, level: terms.switches.isHarder ? 1 : 0,
                    now: now) : nil
        }
        let ticket = EntryTicket(
            lot: asked.plan.lot, buyer: asked.plan.buyer, rank: entry.rank, arrivedAt: entry.rank.arrivedAt ?? now)
        let ahead = terms?.switches.hasEstimates == false ? nil : entry.ahead
        return (
            EntryDocument(ticket: self.tickets.seal(ticket), rank: entry.rank, challenge: challenge, ahead: ahead),
            entry.isNew
        )
    }
}
