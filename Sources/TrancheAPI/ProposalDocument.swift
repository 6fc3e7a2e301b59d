package import TrancheCore

/// A proposal as operators see it.
package struct ProposalDocument: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
        case open, expired, approved, withdrawn, stale
    }

    package let id: UInt64
    /// What it does, in few words.
    package let act: String
    package let kind: ActKind
    /// What the first person saw: it is compared when the act is carried out.
    package let seen: String
    package let by: String
    package let reason: String
    package let atMilliseconds: Int64
    package let expiresAtMilliseconds: Int64
    package let state: State
    /// Whoever approved or withdrew, and why; `nil` without an end.
    package let endedBy: String?
    package let endReason: String?
    package let endedAtMilliseconds: Int64?

    package init(_ entry: ApprovalBook.Entry, now: Instant) {
        let (proposal, end) = (entry.proposal, entry.end)
        (self.id, self.act, self.kind) = (proposal.id, proposal.act.text, proposal.act.kind)
        (self.seen, self.by, self.reason) = (proposal.act.seenText, proposal.by, proposal.reason)
        self.atMilliseconds = proposal.at.milliseconds
        self.expiresAtMilliseconds = proposal.expiresAt.milliseconds
        self.state =
            switch end?.outcome {
            case .approved: .approved
            case .withdrawn: .withdrawn
            case .stale: .stale
            case nil: entry.isOpen(now: now) ? .open : .expired
            }
        (self.endedBy, self.endReason) = (end?.by, end?.reason)
        self.endedAtMilliseconds = end?.at.milliseconds
    }
}

/// The answer to an act that waits for a second person: nothing was carried out.
package struct ApprovalNeeded: Hashable, Sendable, Codable {
    package static let code = "approval_needed"

    package let code: String
    package let detail: String
    package let proposal: ProposalDocument

    package init(_ proposal: ProposalDocument) {
        self.code = Self.code
        self.detail =
            "\(proposal.act) waits for the approval of a second person: proposal \(proposal.id), until "
            + JSON.text(Instant(milliseconds: proposal.expiresAtMilliseconds))
        self.proposal = proposal
    }
}

/// Why somebody approves, or withdraws.
package struct ReasonBody: Sendable, Codable {
    package let reason: String
    package init(reason: String) { self.reason = reason }
}

extension Problem {
    package init(_ refusal: ApprovalRefusal) {
        self.init(status: refusal.status, code: refusal.code, detail: refusal.description)
    }
}
