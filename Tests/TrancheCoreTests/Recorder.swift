import TrancheCore

/// Records a machine's output, and answers nothing.
final class Recorder: UnitShell {
    private(set) var redisSteps: [RedisStep] = []
    /// How many steps each call to Redis has.
    private(set) var redisCalls: [Int] = []
    private(set) var publications: [Publication] = []
    private(set) var effects: [UnitEffect] = []
    /// `entries`, `publications` and `effects`, in the order in which they were carried out.
    private(set) var steps: [String] = []

    init(_ output: UnitOutput) { output.carryOut(by: self) }

    func send(_ steps: JoinedSteps) {
        self.redisSteps += steps.steps
        self.redisCalls.append(steps.steps.count)
        self.steps.append("step")
    }

    func commit(_ entries: [LedgerEntry]) throws(Never) { self.steps.append("commit") }

    func publish(_ publications: ArraySlice<Publication>) {
        self.publications += publications
        self.steps.append("publish \(publications.count)")
    }

    func perform(_ effect: UnitEffect) {
        self.effects.append(effect)
        self.steps.append("effect")
    }

    /// Fences of the lots that are primed.
    var fences: [UInt64] { self.effects.compactMap { if case .prime(let prime) = $0 { prime.fence } else { nil } } }

    var hasRecovered: Bool { self.publications.contains { if case .recovered = $0 { true } else { false } } }

    var refusals: [Refusal] {
        self.publications.compactMap { if case .answer(_, .refused(let refusal)) = $0 { refusal } else { nil } }
    }
}
