import TrancheCore

/// What was said of each commit, and what is wrong with it. It shares no code with the rules that it judges.
struct FailoverJudge {
    /// What callers were told of a commit: that it lasts, or that it does not.
    private var told: [Int: Bool] = [:]
    /// Commits in doubt, of which nobody was told anything yet.
    private var open: Set<Int> = []
    /// The last one that was confirmed.
    private var last: ReplicatedServers.Commit?
    private var newestIncarnation: UInt64 = 0
    private(set) var confirmations = 0
    private(set) var doubts = 0
    private(set) var finding: String?

    private mutating func addFinding(_ text: String) { if self.finding == nil { self.finding = text } }

    private mutating func tell(_ number: Int, _ lasts: Bool) {
        if let earlier = self.told[number], earlier != lasts {
            self.addFinding("commit \(number): told \(earlier) first and \(lasts) later")
        }
        self.told[number] = lasts
        self.open.remove(number)
    }

    mutating func doubted(_ commit: ReplicatedServers.Commit) {
        guard commit.isTold, self.told[commit.number] == nil else { return }
        self.open.insert(commit.number)
        self.doubts += 1
    }

    /// A process was told that its commit is confirmed: callers hear it.
    mutating func confirmed(_ commit: ReplicatedServers.Commit) {
        guard commit.isTold else { return }
        self.confirmations += 1
        self.tell(commit.number, true)
        if commit.incarnation < self.newestIncarnation {
            self.addFinding("incarnation \(commit.incarnation) wrote after incarnation \(self.newestIncarnation)")
        }
        self.newestIncarnation = max(self.newestIncarnation, commit.incarnation)
        self.last = commit
    }

    /// A process has begun a new incarnation, and answers from what it has read: of a commit in doubt, that it lasts, or
    /// that it never will.
    ///
    /// - Returns: How many commits in doubt last, and how many do not.
    mutating func begun(_ node: ReplicatedServers.Node) -> (kept: Int, lost: Int) {
        let kept = self.open.filter { node.has($0) }
        let lost = self.open.subtracting(kept)
        for number in kept { self.tell(number, true) }
        for number in lost { self.tell(number, false) }
        return (kept.count, lost.count)
    }

    /// Whether a server has everything that lasts.
    func hasAll(_ node: ReplicatedServers.Node) -> Bool { self.last.map { node.has($0.number) } ?? true }

    /// Whether a process knows the end of what lasts, and acts on it.
    func knowsAll(_ belief: LedgerBelief) -> Bool { belief.hasActed && self.last?.head == belief.known }

    /// A process has ended because another one has written, which it must have.
    mutating func superseded(_ writer: Int, knew position: UInt64, newest: Int, _ nodes: [ReplicatedServers.Node]) {
        if writer < newest || nodes.contains(where: { $0.hasOthers(than: writer, behind: position) }) { return }
        self.addFinding("process \(writer) ended, although no other one has written behind position \(position)")
    }

    mutating func diverged(_ known: LedgerHead, _ leader: ReplicatedServers.Node) {
        let isThere = known == .empty || leader.log.contains { $0.end == known }
        if isThere { self.addFinding("an alarm about position \(known.position), which the primary has") }
    }

    /// Judges the history that is left when all faults are mended.
    mutating func judge(_ node: ReplicatedServers.Node, calmConfirmations: Int) {
        var (end, incarnation, seen) = (LedgerHead.empty, UInt64(0), Set<Int>())
        for commit in node.log.compactMap(\.commit) {
            if commit.last != end { self.addFinding("commit \(commit.number) does not go on from the one before it") }
            if commit.incarnation < incarnation {
                self.addFinding("incarnation \(commit.incarnation) is behind incarnation \(incarnation)")
            }
            if !seen.insert(commit.number).inserted { self.addFinding("commit \(commit.number) is there twice") }
            (end, incarnation) = (commit.head, commit.incarnation)
        }
        for (number, lasts) in self.told where seen.contains(number) != lasts {
            self.addFinding("commit \(number): told \(lasts), and the ledger that is left says \(!lasts)")
        }
        if calmConfirmations == 0 { self.addFinding("nothing was confirmed without faults") }
    }
}
