import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

/// The proposals of a center that leads. What it adds to its book is durable before.
actor ApprovalDesk {
    private let keeper: AuthorityKeeper
    private var book: ApprovalBook

    init(keeper: AuthorityKeeper) throws {
        self.keeper = keeper
        self.book = ApprovalBook(try keeper.store.proposals())
    }

    /// The newest one first.
    var documents: [ProposalDocument] {
        let now = SystemClock.now()
        return self.book.entries.reversed().map { ProposalDocument($0, now: now) }
    }

    var open: [ProposalDocument] {
        let now = SystemClock.now()
        return self.book.open(now: now).map { ProposalDocument(ApprovalBook.Entry($0), now: now) }
    }

    func document(_ id: UInt64) throws(Problem) -> ProposalDocument {
        guard let entry = self.book.entry(id) else { throw Problem(ApprovalRefusal.unknown(id)) }
        return ProposalDocument(entry, now: SystemClock.now())
    }

    func knows(key: String) -> Bool { self.book.entries.contains { $0.proposal.key == key } }

    /// `nil` if there is no such proposal.
    func proposal(_ id: UInt64) -> Proposal? { self.book.entry(id)?.proposal }

    /// Makes a proposal durable, or finds the one of which this is a repetition.
    ///
    /// - Parameter actor: Who asks, with what they add to their name.
    func propose(
        _ act: ProposedAct, by caller: Operator, actor: String, reason: String, key: String, sale: String
    ) throws(Problem) -> ProposalDocument {
        let now = SystemClock.now()
        let found: (proposal: Proposal, isNew: Bool)
        do throws(ApprovalRefusal) {
            found = try self.book.propose(act, by: caller, reason: reason, key: key, now: now)
        } catch { throw Problem(error) }
        let proposal = found.proposal
        if found.isNew {
            let note = AuditNote(
                at: now, actor: actor, action: "propose", sale: sale,
                detail: "proposal \(proposal.id): \(act.text): \(reason)", before: act.seenText, key: key)
            do throws(StorageError) {
                try self.keeper.store.append(proposal, note: note, as: self.keeper.epoch)
            } catch { throw self.keeper.problem(after: error) }
            self.book.add(proposal)
        }
        return ProposalDocument(ApprovalBook.Entry(proposal), now: now)
    }

    /// ``finish(_:with:)`` must follow.
    func beginApproval(
        _ id: UInt64, by caller: Operator, reason: String, proposer: Operator?
    ) throws(Problem) -> Proposal {
        do throws(ApprovalRefusal) {
            return try self.book.beginApproval(
                id, by: caller, reason: reason, proposer: proposer, now: SystemClock.now())
        } catch { throw Problem(error) }
    }

    /// Ends what was begun, after its end was made durable with the act.
    func finish(_ id: UInt64, with end: ProposalEnd) { self.book.finish(id, with: end) }

    /// The act was not carried out: the proposal is open again.
    func giveUp(_ id: UInt64) { self.book.finish(id, with: nil) }

    /// Ends what was begun, when no act makes its end durable.
    func finish(_ proposal: Proposal, alone end: ProposalEnd, actor: String, sale: String) throws(Problem) {
        do throws(Problem) { try self.append(end, of: proposal, actor: actor, sale: sale) } catch {
            self.book.finish(proposal.id, with: nil)
            throw error
        }
        self.book.finish(proposal.id, with: end)
    }

    func withdraw(
        _ id: UInt64, by caller: Operator, actor: String, reason: String, sale: String
    ) throws(Problem) {
        let now = SystemClock.now()
        let proposal: Proposal
        do throws(ApprovalRefusal) {
            proposal = try self.book.beginWithdrawal(id, by: caller, reason: reason, now: now)
        } catch { throw Problem(error) }
        let end = ProposalEnd(.withdrawn, by: caller.name, reason: reason, at: now)
        try self.finish(proposal, alone: end, actor: actor, sale: sale)
    }

    private func append(
        _ end: ProposalEnd, of proposal: Proposal, actor: String, sale: String
    ) throws(Problem) {
        let note = AuditNote(
            at: end.at, actor: actor, action: "proposal \(end.outcome.rawValue)", sale: sale,
            detail: "proposal \(proposal.id) of \(proposal.by): \(proposal.act.text): \(end.reason)",
            key: proposal.key)
        do throws(StorageError) {
            try self.keeper.store.append(end, of: proposal.id, note: note, as: self.keeper.epoch)
        } catch { throw self.keeper.problem(after: error) }
    }
}
