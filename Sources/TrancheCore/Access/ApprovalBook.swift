/// The proposals of a center, and who may do what with them: the rules of approvals by a second person.
///
/// It decides and remembers; whoever holds it makes a proposal or an end durable first, and then adds it here.
package struct ApprovalBook: Hashable, Sendable {
    /// How long a proposal can be approved.
    package static let lifetimeMilliseconds: Int64 = 15 * 60_000
    /// Open proposals of all operators.
    package static let openLimit = 20
    /// Open proposals of one operator: nobody takes all places.
    package static let openPerOperator = 5
    /// Bytes of a reason. It must not be empty, and is one line without invisible characters.
    package static let reasonBytes = 200
    /// Proposals that are remembered, so that lists and repetitions find what has ended. The oldest ones that are not open
    /// are forgotten.
    package static let kept = 200

    package struct Entry: Hashable, Sendable {
        package let proposal: Proposal
        /// `nil` if it is open, or has expired.
        package fileprivate(set) var end: ProposalEnd?

        package init(_ proposal: Proposal, end: ProposalEnd? = nil) { (self.proposal, self.end) = (proposal, end) }

        package func isOpen(now: Instant) -> Bool { self.end == nil && now < self.proposal.expiresAt }
    }

    /// In the order of their numbers.
    package private(set) var entries: [Entry]
    /// Open proposals with an approval or a withdrawal under way.
    private var busy: Set<UInt64> = []
    private var last: UInt64

    /// - Parameter entries: What is durable, all that is open at least, in the order of their numbers.
    package init(_ entries: [Entry] = []) {
        self.entries = entries
        self.last = entries.last?.proposal.id ?? 0
        if let newest = entries.last { self.forget(now: newest.proposal.at) }
    }

    package func entry(_ id: UInt64) -> Entry? { self.entries.first { $0.proposal.id == id } }

    package func open(now: Instant) -> [Proposal] { self.entries.filter { $0.isOpen(now: now) }.map(\.proposal) }

    // MARK: proposing

    /// The proposal for a request: a new one, or the open one of which this is a repetition.
    ///
    /// A repetition has the same person, key and act, whatever it saw. A new one is to be made durable, and then added.
    ///
    /// - Parameters:
    ///   - caller: Whoever asks. That the role may do the act is checked here, too.
    ///   - now: By the wall clock: a proposal outlives its process.
    /// - Throws: ``ApprovalRefusal``; nothing has changed.
    package func propose(
        _ act: ProposedAct, by caller: Operator, reason: String, key: String, now: Instant
    ) throws(ApprovalRefusal) -> (proposal: Proposal, isNew: Bool) {
        guard caller.role.may(act.kind) else { throw .wrongRole(caller, act.kind) }
        // Somebody who knows the secret of admins would approve it under their own name.
        guard caller.name != OperatorList.reserved else { throw .sharedIdentity(nil) }
        if let known = self.entries.last(where: { $0.proposal.key == key }) {
            guard known.proposal.by == caller.name, known.proposal.act.doesSame(as: act) else { throw .keyReused(key) }
            guard known.isOpen(now: now) else { throw .ended(known) }
            return (known.proposal, false)
        }
        try Self.check(reason)
        let open = self.open(now: now)
        if let same = open.first(where: { $0.act.doesSame(as: act) }) { throw .proposedBefore(same) }
        guard open.count < Self.openLimit else { throw .tooMany(open.count, limit: Self.openLimit) }
        let own = open.count { $0.by == caller.name }
        guard own < Self.openPerOperator else { throw .tooMany(own, limit: Self.openPerOperator) }
        let proposal = Proposal(
            id: self.last + 1, act: act, by: caller.name, reason: reason, key: key, at: now,
            expiresAt: now.advanced(milliseconds: Self.lifetimeMilliseconds))
        return (proposal, true)
    }

    /// Adds a proposal that is durable.
    package mutating func add(_ proposal: Proposal) {
        precondition(proposal.id > self.last, "proposal \(proposal.id) follows \(self.last)")
        self.entries.append(Entry(proposal))
        self.last = proposal.id
        self.forget(now: proposal.at)
    }

    /// Whoever makes and withdraws many proposals puts nobody's open one out.
    private mutating func forget(now: Instant) {
        var surplus = self.entries.count - Self.kept
        guard surplus > 0 else { return }
        self.entries = self.entries.filter { entry in
            let stays = surplus <= 0 || entry.isOpen(now: now) || self.busy.contains(entry.proposal.id)
            if !stays { surplus -= 1 }
            return stays
        }
    }

    // MARK: ending

    /// What becomes of a proposal after its act ended with an error.
    package enum AfterError: Hashable, Sendable {
        /// The act is durable, and the proposal's end with it: only something after them has failed.
        case approved
        /// What the first person saw has changed.
        case stale
        /// An approval can be repeated.
        case open

        /// - Parameter isDone: Whether the act is durable, as its key says. It counts more than the error.
        package init(isDone: Bool, isStale: Bool) { self = isDone ? .approved : isStale ? .stale : .open }
    }

    /// Lets one approval begin. Until ``finish(_:with:)`` nobody else approves or withdraws the proposal.
    ///
    /// - Parameters:
    ///   - caller: Whoever approves: another name than the proposal's, which proves a person.
    ///   - proposer: Whoever proposed, as the list of operators has them now; `nil` if it names them no more.
    /// - Throws: ``ApprovalRefusal``; the proposal stays as it is.
    package mutating func beginApproval(
        _ id: UInt64, by caller: Operator, reason: String, proposer: Operator?, now: Instant
    ) throws(ApprovalRefusal) -> Proposal {
        let proposal = try self.openProposal(id, now: now)
        guard caller.role.may(proposal.act.kind) else { throw .wrongRole(caller, proposal.act.kind) }
        guard caller.name != proposal.by else { throw .ownProposal(proposal) }
        // Whoever knows the secret of admins may have proposed under their own name, or approve what they proposed with it:
        // earlier versions let it propose.
        guard caller.name != OperatorList.reserved, proposal.by != OperatorList.reserved else {
            throw .sharedIdentity(id)
        }
        guard let proposer, proposer.name == proposal.by, proposer.role.may(proposal.act.kind) else {
            throw .proposerGone(proposal)
        }
        try Self.check(reason)
        try self.begin(id)
        return proposal
    }

    /// Lets the withdrawal by the proposal's own operator begin, as ``beginApproval(_:by:reason:proposer:now:)`` does.
    package mutating func beginWithdrawal(
        _ id: UInt64, by caller: Operator, reason: String, now: Instant
    ) throws(ApprovalRefusal) -> Proposal {
        let proposal = try self.openProposal(id, now: now)
        guard caller.name == proposal.by else { throw .notOwn(proposal) }
        try Self.check(reason)
        try self.begin(id)
        return proposal
    }

    /// Ends what was begun.
    ///
    /// - Parameter end: What is durable; `nil` if the proposal stays open.
    package mutating func finish(_ id: UInt64, with end: ProposalEnd?) {
        precondition(self.busy.remove(id) != nil, "proposal \(id) is finished, and nothing was begun")
        guard let end, let place = self.entries.firstIndex(where: { $0.proposal.id == id }) else { return }
        precondition(self.entries[place].end == nil, "proposal \(id) ends twice")
        self.entries[place].end = end
    }

    private mutating func begin(_ id: UInt64) throws(ApprovalRefusal) {
        guard self.busy.insert(id).inserted else { throw .busy(id) }
    }

    private func openProposal(_ id: UInt64, now: Instant) throws(ApprovalRefusal) -> Proposal {
        guard let entry = self.entry(id) else { throw .unknown(id) }
        guard entry.isOpen(now: now) else { throw .ended(entry) }
        return entry.proposal
    }

    private static func check(_ reason: String) throws(ApprovalRefusal) {
        let bytes = reason.utf8.count
        guard reason.isShownInLine else { throw .notOneLine }
        guard (1...Self.reasonBytes).contains(bytes), !reason.allSatisfy(\.isWhitespace) else {
            throw .badReason(bytes: bytes)
        }
    }
}
