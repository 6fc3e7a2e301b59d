import TrancheCore

/// The memory that the gates of a region share, as one value: what their script in Redis does, without Redis.
struct SimulatedGateMemory {
    private var rates: [GateKey: Instant] = [:]
    private var marks: [GateKey: String] = [:]

    /// A request that one limit refuses is charged to none of them, and sets no mark.
    mutating func ask(_ question: GateQuestion, now: Instant) -> GateReply {
        var charged: [(key: GateKey, state: Instant)] = []
        var wait = 0
        for limit in question.limits {
            var state = self.rates[limit.key] ?? .distantPast
            switch limit.rate.admit(&state, now: now) {
            case .admitted: charged.append((limit.key, state))
            case .refused(let milliseconds): wait = max(wait, milliseconds)
            }
        }
        // No answer is fast and no attempt ends in this world.
        let counters = question.counters.map { _ in 0 }
        guard wait == 0 else {
            return GateReply(
                waitMilliseconds: wait, counters: counters, earlier: question.marks.map { _ in nil })
        }
        for charge in charged { self.rates[charge.key] = charge.state }
        var earlier: [String?] = []
        for mark in question.marks {
            earlier.append(self.marks[mark.key])
            if self.marks[mark.key] == nil { self.marks[mark.key] = mark.value }
        }
        return GateReply(counters: counters, earlier: earlier)
    }
}
