import TrancheCore

/// A process that writes the ledger: the product's own rules about what it believes, and a shell that does what the
/// product's shell does with them.
struct FailoverWriter {
    let number: Int
    var belief = LedgerBelief(.empty)
    var incarnation: UInt64 = 0
    /// Whether the ledger has its incarnation.
    var hasBegun = false
    /// Commits in doubt that the last barrier did not find.
    var unfound: [LedgerHead] = []
    /// Before its first barrier it has not opened the ledger.
    var isNew = true
    var hasEnded = false
    var pausedUntil = 0
    var connection: (node: Int, run: Int)?
    /// The call under way, and the step in which it was sent.
    var call: (number: Int, commit: ReplicatedServers.Commit?, at: Int)?

    init(number: Int) { self.number = number }

    mutating func drop() { (self.connection, self.call) = (nil, nil) }

    /// What a process believes when it opens a ledger.
    mutating func opened(_ end: LedgerHead) {
        (self.belief, self.isNew) = (LedgerBelief(end), false)
    }

    /// The commit that comes next: first its incarnation, then orders. Now and then one that moves no head, as the
    /// ceiling of stamps does.
    func next(_ number: Int, entries: UInt64, isCeiling: Bool) -> ReplicatedServers.Commit {
        let last = self.belief.end
        let entries = self.hasBegun ? (isCeiling ? 0 : entries) : 1
        let head =
            entries == 0
            ? last
            : LedgerHead(
                position: last.position + entries,
                digest: ChainDigest(high: last.digest.low, low: UInt64(number)))
        return ReplicatedServers.Commit(
            number: number, writer: self.number, incarnation: self.incarnation, last: last, head: head)
    }
}
