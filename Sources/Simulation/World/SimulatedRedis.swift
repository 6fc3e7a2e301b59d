import TrancheCore

/// A unit's Redis: it survives the unit's process, and may be emptied or set back.
struct SimulatedRedis {
    /// A new one after each start of its process.
    var run = RedisRun(rawValue: 1)
    var ledger: LedgerID?
    var witness: LedgerHead?
    var lots: [LotID: RedisModel] = [:]

    mutating func handle(_ step: RedisStep) -> RedisResult {
        guard var lot = self.lots[step.lot] else { return .lost }
        let result = lot.handle(step)
        self.lots[step.lot] = lot
        if result == .stepped { self.witness = step.witness }
        return result
    }

    mutating func handle(_ prime: RedisPrime) -> RedisResult {
        if let lot = self.lots[prime.lot], lot.fence > prime.fence { return .superseded }
        self.lots[prime.lot] = RedisModel(prime: prime)
        self.ledger = prime.ledger
        self.witness = prime.witness
        return .primed(self.run)
    }
}
