package import TrancheAPI

/// How the provider behaves, on request. Everything that is not set is as a good provider does it.
package struct ProviderFaults: Hashable, Sendable, Codable {
    package enum Absence: String, Hashable, Sendable, Codable {
        case no
        /// Every call of `/v1` is answered 503.
        case status
        /// No call of `/v1` is answered at all.
        case silence
    }
    package enum Lie: String, Hashable, Sendable, Codable {
        case no
        /// Questions and refunds are answered 200 with something that is not an answer. A refund is carried out all the
        /// same.
        case nonsense
        /// Every question is answered: unpaid.
        case unpaid
        /// The first question for each order is answered: unpaid. From then on, the truth.
        case unpaidFirst
    }
    /// The longest time of any kind: ten minutes.
    package static let millisecondsLimit = 600_000
    package static let copiesLimit = 10

    /// From a payment to its callback.
    package var callbackAfterMilliseconds = 0
    /// How often a callback is sent, at the same time; 0: never, and the unit has to ask.
    package var callbackCopies = 1
    package var away = Absence.no
    package var lies = Lie.no
    /// Before the answer to each call of `/v1`.
    package var slowMilliseconds = 0
    /// From the acceptance of a refund to its end.
    package var refundAfterMilliseconds = 0
    /// Refunds end as `failed`, and give nothing back.
    package var refundsFail = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case callbackAfterMilliseconds, callbackCopies, away, lies, slowMilliseconds, refundAfterMilliseconds
        case refundsFail
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value<Value: Decodable>(_ key: CodingKeys, _ usual: Value) throws -> Value {
            try values.decodeIfPresent(Value.self, forKey: key) ?? usual
        }
        self.callbackAfterMilliseconds = try value(.callbackAfterMilliseconds, 0)
        self.callbackCopies = try value(.callbackCopies, 1)
        self.away = try value(.away, .no)
        self.lies = try value(.lies, .no)
        self.slowMilliseconds = try value(.slowMilliseconds, 0)
        self.refundAfterMilliseconds = try value(.refundAfterMilliseconds, 0)
        self.refundsFail = try value(.refundsFail, false)
    }

    /// - Throws: ``Problem`` with code `invalid_faults`, which names the value and its limit.
    package func check() throws(Problem) {
        let numbers = [
            ("callbackAfterMilliseconds", self.callbackAfterMilliseconds, Self.millisecondsLimit),
            ("callbackCopies", self.callbackCopies, Self.copiesLimit),
            ("slowMilliseconds", self.slowMilliseconds, Self.millisecondsLimit),
            ("refundAfterMilliseconds", self.refundAfterMilliseconds, Self.millisecondsLimit),
        ]
        for (name, value, limit) in numbers where !(0...limit).contains(value) {
            throw Problem(
                status: 400, code: "invalid_faults", detail: "\(name) is \(value), but must be in 0...\(limit)")
        }
    }
}
