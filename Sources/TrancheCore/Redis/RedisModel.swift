/// A unit's Redis as a pure machine: the same calls give the same answers as the scripts in a real one.
///
/// The simulator sells beside it; a test compares it with the scripts on a real Redis.
package struct RedisModel: Sendable {
    package struct Lot: Hashable, Sendable {
        package let fence: UInt64
        package fileprivate(set) var sequence: UInt64 = 0
        package fileprivate(set) var available: Int
        /// The admitted requests of the last step.
        package fileprivate(set) var admitted: [BuyRequest] = []
    }

    package private(set) var mark: RedisMark?
    package private(set) var ledger: LedgerID?
    package private(set) var generation: Generation?
    package private(set) var witness: LedgerHead?
    private var lots: [LotID: Lot] = [:]

    package init() {}

    package subscript(lot: LotID) -> Lot? { self.lots[lot] }

    /// - Returns: A result for each step, in their order.
    package mutating func handle(_ call: JoinedSteps) -> [RedisResult] {
        precondition(Set(call.steps.map(\.lot)).count == call.steps.count, "a lot has two steps in one call")
        let results = call.steps.map { self.apply($0) }
        if let mark = self.mark, results.contains(.stepped) {
            self.mark = RedisMark(owner: mark.owner, steps: mark.steps + 1)
            self.witness = call.witness
        }
        return results
    }

    /// A call with one step.
    package mutating func handle(_ step: RedisStep) -> RedisResult { self.handle(JoinedSteps(step))[0] }

    private mutating func apply(_ step: RedisStep) -> RedisResult {
        guard let mark = self.mark, var lot = self.lots[step.lot] else { return .lost }
        guard mark.owner == step.owner, step.fence >= lot.fence else { return .superseded }
        guard step.fence == lot.fence, step.sequence == lot.sequence, step.before == lot.available, step.after >= 0
        else { return .lost }
        lot.available = step.after
        lot.sequence += 1
        lot.admitted = step.admitted.map(\.request)
        self.lots[step.lot] = lot
        return .stepped
    }

    /// - Parameter run: The process of Redis.
    package mutating func handle(_ prime: RedisPrime, run: RedisRun) -> RedisResult {
        if let mark = self.mark, mark.owner != prime.owner {
            // Fewer steps than were surveyed: Redis was set back, and no other process has it.
            guard let surveyed = prime.surveyed, mark == surveyed || mark.steps < surveyed.steps else {
                return .superseded
            }
        }
        if let lot = self.lots[prime.lot], lot.fence >= prime.fence { return .superseded }
        self.lots[prime.lot] = Lot(fence: prime.fence, available: prime.available)
        self.mark = RedisMark(owner: prime.owner, steps: (self.mark?.steps ?? 0) + 1)
        (self.ledger, self.generation, self.witness) = (prime.ledger, prime.generation, prime.witness)
        return .primed(run)
    }

    package func survey(run: RedisRun) -> RedisSurvey {
        RedisSurvey(
            ledger: self.ledger, generation: self.generation, witness: self.witness, mark: self.mark,
            newestFence: self.lots.values.map(\.fence).max() ?? 0,
            admitted: self.lots.keys.sorted().flatMap { self.lots[$0]!.admitted }, run: run)
    }
}
