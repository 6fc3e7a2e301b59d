/// Steps of different lots that reach Redis in one call: all of them, or none.
///
/// Redis checks each lot as if its step came alone: what it refuses in one lot does not stop the others. The owner and the
/// ledger's head are those of the process, so Redis compares and stores them once for the call, and counts it as one step.
/// Nothing depends on steps that arrive together. Alone, the same steps could also arrive one directly after the other.
package struct JoinedSteps: Sendable {
    package let steps: ArraySlice<RedisStep>
    package var owner: UInt64 { self.steps[self.steps.startIndex].owner }
    package var witness: LedgerHead { self.steps[self.steps.startIndex].witness }

    /// - Parameter steps: Those of one output, of one lot each.
    package init(_ steps: ArraySlice<RedisStep>) {
        precondition(
            (1...Limits.lotsPerRedisCall).contains(steps.count),
            "\(steps.count) steps in one call, must be 1...\(Limits.lotsPerRedisCall)")
        self.steps = steps
        precondition(
            steps.allSatisfy { $0.owner == self.owner && $0.witness == self.witness },
            "steps of one call have different owners or heads")
    }

    package init(_ step: RedisStep) { self.init([step]) }

    /// - Parameter results: In the order of the steps.
    package func lotResults(_ results: [RedisResult]) -> [LotResult] {
        precondition(results.count == self.steps.count, "\(results.count) results of \(self.steps.count) steps")
        return zip(self.steps, results).map { LotResult(lot: $0.lot, fence: $0.fence, result: $1) }
    }

    /// The results of a call of which every step has the same one.
    package func lotResults(_ result: RedisResult) -> [LotResult] {
        self.steps.map { LotResult(lot: $0.lot, fence: $0.fence, result: result) }
    }
}

/// What Redis answered to one lot's step of a call.
package struct LotResult: Hashable, Sendable {
    package let lot: LotID
    package let fence: UInt64
    package let result: RedisResult
    package init(lot: LotID, fence: UInt64, result: RedisResult) {
        (self.lot, self.fence, self.result) = (lot, fence, result)
    }
}
