/// Why an act is not proposed, approved or withdrawn. Nothing has changed then.
package enum ApprovalRefusal: Error, Hashable, Sendable {
    case unknown(UInt64)
    /// It was approved, withdrawn or found stale, or its time is over.
    case ended(ApprovalBook.Entry)
    case wrongRole(Operator, ActKind)
    /// Nobody approves what they proposed.
    case ownProposal(Proposal)
    /// The secret of admins proves no person: it neither proposes (`nil`) nor approves, and nobody approves what it proposed.
    case sharedIdentity(UInt64?)
    case notOwn(Proposal)
    /// Whoever proposed is not in the list of operators any more, or may not do the act any more.
    case proposerGone(Proposal)
    /// The same act waits for approval already.
    case proposedBefore(Proposal)
    case keyReused(String)
    case tooMany(Int, limit: Int)
    case badReason(bytes: Int)
    /// A reason with a control character or another invisible one.
    case notOneLine
    /// Another approval, or the withdrawal, is under way.
    case busy(UInt64)

    package var code: String {
        switch self {
        case .unknown: "unknown_proposal"
        case .ended(let entry): entry.end == nil ? "proposal_expired" : "proposal_ended"
        case .wrongRole(_, let kind): "needs_\(kind.least.rawValue)"
        case .ownProposal: "own_proposal"
        case .sharedIdentity: "shared_identity"
        case .notOwn: "not_own_proposal"
        case .proposerGone: "proposer_gone"
        case .proposedBefore: "proposed_before"
        case .keyReused: "key_reused"
        case .tooMany: "too_many_proposals"
        case .badReason, .notOneLine: "needs_reason"
        case .busy: "proposal_busy"
        }
    }

    /// As HTTP has it.
    package var status: Int {
        switch self {
        case .unknown: 404
        case .wrongRole, .ownProposal, .sharedIdentity, .notOwn: 403
        case .badReason, .notOneLine: 400
        case .ended, .proposerGone, .proposedBefore, .keyReused, .tooMany, .busy: 409
        }
    }
}

extension ApprovalRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let id): "there is no proposal \(id)"
        case .ended(let entry):
            if let end = entry.end {
                "proposal \(entry.proposal.id) was ended by \(end.by): \(end.outcome.rawValue)"
            } else {
                "proposal \(entry.proposal.id) has expired: ask for the act again, with a new key"
            }
        case .wrongRole(let caller, let kind):
            "this act needs the role \(kind.least.rawValue), and \(caller.name) has the role \(caller.role.rawValue)"
        case .ownProposal(let proposal):
            "proposal \(proposal.id) is by \(proposal.by): somebody else approves it"
        case .sharedIdentity(let id):
            "\(OperatorList.reserved) is whoever knows TRANCHE_ADMIN_SECRET, which proves no person: "
                + (id.map { "proposal \($0) needs two people with credentials of their own" }
                    ?? "propose with a credential of your own")
        case .notOwn(let proposal): "proposal \(proposal.id) is by \(proposal.by), who alone can withdraw it"
        case .proposerGone(let proposal):
            "\(proposal.by), who made proposal \(proposal.id), may not do this act any more"
        case .proposedBefore(let proposal):
            "proposal \(proposal.id) by \(proposal.by) is the same act, and waits for approval: approve that"
        case .keyReused(let key): "the key \"\(key)\" belongs to another act, or to another person's proposal"
        case .tooMany(let open, let limit):
            "\(open) proposals are open, and at most \(limit) can be: approve or withdraw one first"
        case .badReason(let bytes):
            "the reason has \(bytes) bytes, but needs 1 to \(ApprovalBook.reasonBytes), and not blanks alone: it is "
                + "X-Tranche-Reason of a request (--reason), and reason in the body of an approval"
        case .notOneLine:
            "the reason has a line break, a control character or an invisible one, but must be one line that everybody "
                + "sees as it is"
        case .busy(let id): "proposal \(id) is being approved or withdrawn at this moment: look again"
        }
    }
}
