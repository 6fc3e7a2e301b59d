import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

/// An act that is carried out because a second person approved it.
struct ApprovedAct: Sendable {
    let proposal: Proposal
    let end: ProposalEnd
    /// The sale that it is about; empty if it is about none.
    let sale: String

    /// Both names, for the line of the act: the audit trail's filter knows this form.
    var actor: String { "\(self.proposal.by) with \(self.end.by)" }

    /// The act under the key of the proposal. The end of the proposal, and the line of the approval, are in its
    /// transaction.
    ///
    /// - Parameter what: As the route describes the act: a repetition of the first request finds it done.
    func act(_ what: String) -> OperatorAct {
        let note = AuditNote(
            at: self.end.at, actor: self.end.by, action: "approve", sale: self.sale,
            detail: "proposal \(self.proposal.id) of \(self.proposal.by): \(self.proposal.act.text): "
                + self.end.reason,
            before: self.proposal.act.seenText, key: self.proposal.key)
        return OperatorAct(
            key: self.proposal.key, what: what,
            approval: OperatorAct.Approval(proposal: self.proposal.id, end: self.end, note: note))
    }

    /// - Throws: ``Problem`` with code `proposal_stale` if the log has not what the first person saw.
    func check(_ authority: QuotaAuthority) throws(Problem) {
        guard self.proposal.act.isCurrent(in: authority.book) else { throw .stale(self.proposal) }
    }
}

extension Problem {
    static let staleCode = "proposal_stale"

    static func stale(_ proposal: Proposal) -> Problem {
        Problem(
            status: 412, code: Self.staleCode,
            detail: "proposal \(proposal.id) was made for another state (\(proposal.act.seenText)): look, and ask anew")
    }
}
