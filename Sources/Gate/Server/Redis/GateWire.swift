import RedisClient
import TrancheCore

/// Questions and answers of the gates' Redis as Redis has them.
enum GateWire {
    static func text(_ key: GateKey) -> String {
        switch key {
        case .buyer(let buyer): "b:\(buyer)"
        case .address(let address): "a:" + String(address.rawValue, radix: 16)
        case .session(let session): "s:" + String(session, radix: 16)
        case .lot(let lot): "l:\(lot)"
        case .entry(let lot, let buyer): "e:\(lot):\(buyer)"
        case .answers(let buyer): "q:\(buyer)"
        case .spent(let nonce): "c:\(nonce)"
        case .fastAnswers(let buyer): "f:\(buyer)"
        case .endedAttempts(let lot, let buyer): "n:\(lot):\(buyer)"
        case .issued(let lot, let buyer): "i:\(lot):\(buyer)"
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
            arguments.add(question.marks.count)
            for mark in question.marks {
                arguments.add(self.text(mark.key))
                arguments.add(mark.value)
                arguments.add(Int(mark.lifeMilliseconds))
            }
        }
    }

    /// - Returns: `nil` if the answer does not fit the questions.
    static func replies(_ reply: RedisReply, to questions: [GateQuestion]) -> [GateReply]? {
        guard let lists = reply.array, lists.count == questions.count else { return nil }
        var replies: [GateReply] = []
        for (list, question) in zip(lists, questions) {
            let count = question.counters.count
            guard let values = list.array, values.count == 1 + count + question.marks.count,
                let wait = values[0].integer
            else { return nil }
            replies.append(
                GateReply(
                    waitMilliseconds: Int(wait), counters: values[1..<(1 + count)].map { Int($0.integer ?? 0) },
                    earlier: values[(1 + count)...].map { value in
                        value.text.flatMap { $0.isEmpty ? nil : $0 }
                    }))
        }
        return replies
    }
}
