import TrancheCore

/// A unit's Redis: it survives the unit's process, and may be emptied or set back.
struct SimulatedRedis {
    /// A new one after each start of its process.
    var run = RedisRun(rawValue: 1)
    var ledger: LedgerID?
    var witness: LedgerHead?
    var lots: [LotID: RedisModel] = [:]

    mutating func handle(_ call: LotCall, trusted: Bool) -> LotResult {
        guard var lot = self.lots[call.lot] else { return .lost }
        // The planted fault does not check whether a trusted Redis was set back.
        let asked = trusted ? call.blind : call
        let result = lot.handle(asked)
        self.lots[call.lot] = lot
        if case .decided = result { self.witness = call.witness }
        return result
    }

    mutating func handle(_ prime: LotPrime) -> LotResult {
        if let lot = self.lots[prime.lot], lot.fence > prime.fence { return .superseded }
        self.lots[prime.lot] = RedisModel(prime: prime)
        self.ledger = prime.ledger
        self.witness = prime.witness
        return .primed(self.run)
    }

    var admitted: [BuyRequest] {
        self.lots.keys.sorted().flatMap { self.lots[$0]!.queue.map(\.request) }
    }
}

extension LotCall {
    fileprivate var blind: LotCall {
        LotCall(
            lot: self.lot, fence: self.fence, sequence: 0, buyerLimit: self.buyerLimit, releases: self.releases,
            credit: self.credit, reclaimKeep: self.reclaimKeep, requests: self.requests, witness: self.witness,
            committed: self.committed)
    }
}
