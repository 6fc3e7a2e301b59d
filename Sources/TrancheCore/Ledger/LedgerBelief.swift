/// What a process believes of its ledger, when the ledger is on a server that a standby can replace.
///
/// Sans-IO. A commit without a certain answer is in doubt. The connection is dropped then, and nothing is believed before
/// a barrier was confirmed on a new one, and the ledger was read behind it and compared with what is known.
package struct LedgerBelief: Sendable {
    package enum State: Hashable, Sendable {
        /// There is no connection, or a call on it has left a question. Can transition to: `behindBarrier`.
        case nothing
        /// What is read on this connection lasts. Can transition to: `read`, `nothing`.
        case behindBarrier
        /// The ledger ends with what is known: it takes commits. Can transition to: `nothing`.
        case read
    }

    /// How a call ended that is conditional on the end of the ledger.
    package enum Outcome: Hashable, Sendable {
        case confirmed
        /// Nothing of it was carried out, and the connection can be used further.
        case refused
        /// Nothing of it was carried out, because the ledger does not end with what is known.
        case endsElsewhere
        /// Nothing was sent.
        case unsent
        case inDoubt
    }

    /// What the end of the ledger says.
    package enum Finding: Hashable, Sendable {
        /// It ends with the last commit that was confirmed, or this process begins with what it finds.
        case asKnown
        /// It ends with a commit that was in doubt.
        case kept
        /// It goes on from what is known by another one's commits: this process must end.
        case superseded
        /// It lacks what was confirmed: a standby without it was promoted, or an older copy was restored.
        case diverged
    }

    /// If more are in doubt, the oldest is forgotten. Should that one last, this process ends, as if another one had
    /// written it.
    package static let doubtfulLimit = 16

    package private(set) var state = State.behindBarrier
    /// The last head that an answer to this process has confirmed; before the first one, the head that it has begun with.
    package private(set) var known: LedgerHead
    /// What the next commit follows: the known head, or one that was in doubt and was found. The next commit that is
    /// confirmed confirms it, too.
    package private(set) var end: LedgerHead
    /// Heads that the ledger may have behind the known one. One that was not found behind a barrier can still arrive, as
    /// long as the ledger ends where it did when that commit was sent.
    package private(set) var doubtful: [LedgerHead] = []
    private var hasRead = false
    /// Whether a commit of this process was confirmed: what is known then must be there for ever.
    package private(set) var hasActed = false

    /// - Parameter end: The end of the ledger, read behind a barrier.
    package init(_ end: LedgerHead) { (self.known, self.end) = (end, end) }

    package var takesCommits: Bool { self.state == .read }

    /// A barrier was confirmed on a new connection.
    package mutating func barrierConfirmed() {
        precondition(self.state == .nothing, "a barrier on a connection that is \(self.state)")
        self.state = .behindBarrier
    }

    /// The connection ended, or what was read on it is not believed.
    package mutating func lost() { self.state = .nothing }

    /// Compares the end that was read with what is known.
    ///
    /// - Parameters:
    ///   - found: The end of the ledger on this connection.
    ///   - head: The head at a position of the ledger; `nil` if no commit ended there.
    package func compare(_ found: LedgerHead, head: (UInt64) throws -> LedgerHead?) rethrows -> Finding {
        precondition(self.state != .nothing, "nothing is believed before the barrier")
        if !self.hasRead || found == self.known { return .asKnown }
        if self.doubtful.contains(found) { return .kept }
        let isContinued = try self.known == .empty || head(self.known.position) == self.known
        if isContinued { return .superseded }
        // What was read can have been a commit that only an old primary had: nothing was said of it.
        return self.hasActed ? .diverged : .asKnown
    }

    /// The ledger was read up to this end, and the comparison found nothing against it.
    package mutating func believe(_ found: LedgerHead) {
        precondition(self.state != .nothing, "nothing is believed before the barrier")
        (self.state, self.end, self.hasRead) = (.read, found, true)
        if !self.hasActed { self.known = found }
    }

    /// Takes in how a commit ended.
    ///
    /// - Parameter head: The end of the ledger with the commit. It is the same as before if the commit moves no head.
    package mutating func ended(_ outcome: Outcome, with head: LedgerHead) {
        precondition(self.takesCommits, "a commit to a ledger that was not read")
        switch outcome {
        case .confirmed:
            // A commit in doubt can arrive only where it was to go on. A head that moved excludes all of them; one that did
            // not, those that are not behind it.
            self.doubtful = head == self.end ? self.doubtful.filter { $0.position > head.position } : []
            (self.known, self.end, self.hasActed) = (head, head, true)
        case .refused: break
        case .endsElsewhere, .unsent: self.state = .nothing
        case .inDoubt:
            self.state = .nothing
            guard head != self.end, !self.doubtful.contains(head) else { return }
            if self.doubtful.count == Self.doubtfulLimit { self.doubtful.removeFirst() }
            self.doubtful.append(head)
        }
    }
}
