import RedisClient
import TrancheCore

/// Questions and answers of the shared memory as Redis has them.
enum GateWire {
    static func text(_ key: GateKey) -> String {
        switch key {
        case .buyer(let buyer): "b:\(buyer)"
        case .address(let address): "a:" + String(address.rawValue, radix: 16)
        case .lot(let lot): "l:\(lot)"
        case .entry(let lot, let buyer): "e:\(lot):\(buyer)"
        case .spent(let nonce): "c:\(nonce)"
        case .fastAnswers(let buyer): "f:\(buyer)"
        case .endedAttempts(let lot, let buyer): "n:\(lot):\(buyer)"
        }
    }

    static func encode(_ questions: some Sequence<GateQuestion>, now: Instant, into arguments: inout RedisArguments) {
        arguments.add(Int(now.microseconds))
        for question in questions {
            arguments.add(question.limits.count)
            for limit in question.limits {
                arguments.add(self.text(limit.key))
                arguments.add(Int(limit.rate.intervalMicroseconds))
                arguments.add(Int(limit.rate.intervalMicroseconds) * (limit.rate.burst - 1))
            }
            arguments.add(question.counters.count)
            for counter in question.counters { arguments.add(self.text(counter)) }
            guard let mark = question.mark else {
                arguments.add("")
                continue
            }
            arguments.add(self.text(mark.key))
            arguments.add(mark.value)
            arguments.add(Int(mark.lifeMilliseconds))
        }
    }

    /// - Returns: `nil` if the answer does not fit the questions.
    static func replies(_ reply: RedisReply, to questions: [GateQuestion]) -> [GateReply]? {
        guard let lists = reply.array, lists.count == questions.count else { return nil }
        var replies: [GateReply] = []
        for (list, question) in zip(lists, questions) {
            guard let values = list.array, values.count == 2 + question.counters.count,
                let wait = values[0].integer, let earlier = values[1].text
            else { return nil }
            replies.append(
                GateReply(
                    waitMilliseconds: Int(wait), counters: values[2...].map { Int($0.integer ?? 0) },
                    earlier: earlier.isEmpty ? nil : earlier))
        }
        return replies
    }
}
