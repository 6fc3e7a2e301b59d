import TrancheCore

/// One ledger on a replicated server, and everything that its processes meet: a primary that is killed or lives on, the
/// promotion of a right or a wrong standby, answers that are lost, waits that are cancelled, messages that arrive late,
/// and a second process.
///
/// There is no clock: the rules know none. The seed draws which part goes on next. What a process believes is decided by
/// ``LedgerBelief``, and what an answer means by ``CommitAnswer``: the code that ships.
package struct FailoverWorld {
    package struct Result: Sendable {
        package let failovers: Int
        package let steps: Int
        package let confirmed: Int
        package let inDoubt: Int
        package let marks: Set<String>
        /// What is wrong with the history that is left, or with what was said of it; `nil` if nothing is.
        package let finding: String?
    }

    /// After so many the faults stop, or after so many steps.
    package static let failoversPerWorld = 16
    static let stepLimit = 20_000
    static let calmSteps = 2_000
    /// A call without an answer is given up after so many steps.
    static let patience = 40

    var random: SeededRandom
    let plant: FailoverPlant?
    let trace: ((String) -> Void)?
    var servers: ReplicatedServers
    var judge = FailoverJudge()
    var writers: [FailoverWriter] = []
    /// Requests that have not arrived yet.
    var network: [ReplicatedServers.Request] = []
    /// The primary that should be used; an older one may live on.
    var leader = 0
    /// The server that has what was confirmed, while a standby without it leads.
    var right: Int?
    var processes = 0
    var calls = 0
    var step = 0
    var isFaulty = true
    var failovers = 0
    var marks: Set<String> = []

    package static func run(
        seed: UInt64, plant: FailoverPlant? = nil, trace: ((String) -> Void)? = nil
    ) -> Result {
        var world = FailoverWorld(seed: seed, plant: plant, trace: trace)
        return world.run()
    }

    private init(seed: UInt64, plant: FailoverPlant?, trace: ((String) -> Void)?) {
        (self.random, self.plant, self.trace) = (SeededRandom(seed: seed), plant, trace)
        self.servers = ReplicatedServers(
            checksIncarnation: plant != .noFence, checksEnd: plant != .noFence && plant != .incarnationAlone)
        self.startProcess()
    }

    private mutating func run() -> Result {
        while self.failovers < Self.failoversPerWorld, self.step < Self.stepLimit, self.judge.finding == nil {
            self.goOn()
            self.hear()
            guard self.random.happens(permille: 70) else { continue }
            self.makeFault()
            self.hear()
        }
        self.calmDown()
        return Result(
            failovers: self.failovers, steps: self.step, confirmed: self.judge.confirmations,
            inDoubt: self.judge.doubts, marks: self.marks, finding: self.judge.finding)
    }

    /// Mends everything, lets all work end, and judges the history that is left.
    private mutating func calmDown() {
        self.isFaulty = false
        self.say("the faults stop")
        for _ in 0..<6 { self.mend() }
        let before = self.judge.confirmations
        for _ in 0..<Self.calmSteps where self.judge.finding == nil {
            self.goOn()
            self.hear()
        }
        // What is still under way may be confirmed or not.
        self.judge.judge(self.servers.nodes[self.leader], calmConfirmations: self.judge.confirmations - before)
    }

    private mutating func goOn() {
        self.step += 1
        switch self.random.number(0...99) {
        case ..<35: self.act(self.random.number(0...(self.writers.count - 1)))
        case ..<60: self.deliver()
        default:
            let node = self.random.number(0...(ReplicatedServers.count - 1))
            self.servers.copy(node, records: self.random.number(1...3))
        }
    }

    /// Any message may be the next one that arrives.
    private mutating func deliver() {
        guard !self.network.isEmpty else { return }
        let index = self.random.number(0...(self.network.count - 1))
        let request = self.network[index]
        self.network[index] = self.network[self.network.count - 1]
        self.network.removeLast()
        self.servers.arrive(request)
    }

    mutating func mark(_ name: String) { self.marks.insert(name) }

    func say(_ text: @autoclosure () -> String) { self.trace?("step \(self.step): \(text())") }
}
