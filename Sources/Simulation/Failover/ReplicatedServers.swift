import TrancheCore

/// One ledger on three servers: a primary, and standbys that copy its log. A commit waits until one of them has it.
///
/// The servers behave as PostgreSQL with `ANY 1`: a transaction that waits keeps its locks, so the next one waits behind
/// it; whatever is in the own log is visible after a restart, confirmed or not; and a wait that is cancelled makes its
/// commit visible, with a warning.
struct ReplicatedServers {
    struct Commit {
        /// Of the one order, or of the beginning of an incarnation, that it brings.
        let number: Int
        let writer: Int
        let incarnation: UInt64
        let last: LedgerHead
        let head: LedgerHead
        /// Nobody is told of a ceiling. No head covers it, and a process that lives raises it again.
        var isTold: Bool { self.head != self.last }
    }
    /// One record of the log. Without a commit it is a barrier.
    struct Record {
        let number: Int
        let commit: Commit?
        let end: LedgerHead
        let incarnation: UInt64
    }
    struct Request {
        let call: Int
        let node: Int
        /// Connections end with the run of their server.
        let run: Int
        let commit: Commit?
    }
    enum Answer { case ended(CommitAnswer), superseded, endsElsewhere }

    struct Node {
        var log: [Record] = []
        /// Records that everybody sees.
        var visible = 0
        var isUp = true
        var isPrimary = false
        var run = 0
        /// The primary whose log it copies.
        var follows: Int?
        var waiting: Request?
        var queue: [Request] = []

        var end: LedgerHead { self.visible == 0 ? .empty : self.log[self.visible - 1].end }
        var incarnation: UInt64 { self.visible == 0 ? 0 : self.log[self.visible - 1].incarnation }

        /// The head at a position, as the journal has it.
        func head(at position: UInt64) -> LedgerHead? {
            let record = self.log[..<self.visible].last { $0.end.position <= position }
            return record?.end.position == position ? record?.end : nil
        }

        func hasOthers(than writer: Int, behind position: UInt64) -> Bool {
            self.log.contains { $0.end.position > position && $0.commit.map { $0.writer != writer } ?? false }
        }

        /// Whether its log has a commit, confirmed or not. Most questions are about the last ones.
        func has(_ number: Int) -> Bool { self.log.reversed().contains { $0.commit?.number == number } }
    }

    static let count = 3
    private(set) var nodes = [Node](repeating: Node(), count: Self.count)
    /// Answers that are on their way.
    var answers: [(request: Request, answer: Answer)] = []
    /// What a commit is conditional on.
    let (checksIncarnation, checksEnd): (Bool, Bool)
    private var records = 0

    init(checksIncarnation: Bool = true, checksEnd: Bool = true) {
        (self.checksIncarnation, self.checksEnd) = (checksIncarnation, checksEnd)
        self.nodes[0].isPrimary = true
        for standby in 1..<Self.count { self.nodes[standby].follows = 0 }
    }

    mutating func arrive(_ request: Request) {
        let node = request.node
        guard self.nodes[node].isUp, self.nodes[node].isPrimary, self.nodes[node].run == request.run else { return }
        self.nodes[node].queue.append(request)
        self.advance(node)
    }

    /// Carries out transactions until one waits for a standby.
    private mutating func advance(_ node: Int) {
        while self.nodes[node].waiting == nil, !self.nodes[node].queue.isEmpty {
            let request = self.nodes[node].queue.removeFirst()
            var (end, incarnation) = (self.nodes[node].end, self.nodes[node].incarnation)
            if let commit = request.commit {
                if self.checksIncarnation, incarnation > commit.incarnation {
                    self.answers.append((request, .superseded))
                    continue
                }
                if self.checksEnd, end != commit.last {
                    self.answers.append((request, .endsElsewhere))
                    continue
                }
                (end, incarnation) = (commit.head, max(incarnation, commit.incarnation))
            }
            self.records += 1
            self.nodes[node].log.append(
                Record(number: self.records, commit: request.commit, end: end, incarnation: incarnation))
            self.nodes[node].waiting = request
        }
    }

    /// A standby copies records, and the primary hears of it.
    mutating func copy(_ standby: Int, records: Int) {
        guard let primary = self.nodes[standby].follows, self.nodes[standby].isUp, self.nodes[primary].isUp,
            self.nodes[primary].isPrimary
        else { return }
        let end = min(self.nodes[standby].log.count + records, self.nodes[primary].log.count)
        while self.nodes[standby].log.count < end {
            self.nodes[standby].log.append(self.nodes[primary].log[self.nodes[standby].log.count])
        }
        self.nodes[standby].visible = end
        if end == self.nodes[primary].log.count { self.release(primary, warning: nil) }
    }

    /// Somebody ends the wait of a transaction, which is in the primary's log only.
    mutating func cancelWait(_ node: Int) { self.release(node, warning: "canceling wait for synchronous replication") }

    private mutating func release(_ node: Int, warning: String?) {
        guard let request = self.nodes[node].waiting else { return }
        self.nodes[node].visible = self.nodes[node].log.count
        self.nodes[node].waiting = nil
        self.answers.append((request, .ended(CommitAnswer(command: "COMMIT", warning: warning, standbys: 1))))
        self.advance(node)
    }

    mutating func crash(_ node: Int) {
        self.nodes[node].isUp = false
        self.endRun(node)
    }

    private mutating func endRun(_ node: Int) {
        self.nodes[node].run += 1
        (self.nodes[node].waiting, self.nodes[node].queue) = (nil, [])
    }

    /// What is in the own log is visible after a start.
    mutating func start(_ node: Int) {
        self.nodes[node].isUp = true
        self.nodes[node].visible = self.nodes[node].log.count
    }

    mutating func promote(_ node: Int) {
        self.endRun(node)
        (self.nodes[node].isPrimary, self.nodes[node].follows) = (true, nil)
        self.start(node)
    }

    /// A standby stops copying, so that its primary can confirm nothing more with it.
    mutating func detach(_ standby: Int) { self.nodes[standby].follows = nil }

    /// Makes a server a standby of another one: what that one does not have is dropped.
    mutating func follow(_ node: Int, _ primary: Int) {
        self.endRun(node)
        var common = min(self.nodes[node].log.count, self.nodes[primary].log.count)
        // Equal records have equal records before them.
        while common > 0, self.nodes[node].log[common - 1].number != self.nodes[primary].log[common - 1].number {
            common -= 1
        }
        self.nodes[node].log.removeLast(self.nodes[node].log.count - common)
        (self.nodes[node].isPrimary, self.nodes[node].follows) = (false, primary)
        self.start(node)
    }
}
