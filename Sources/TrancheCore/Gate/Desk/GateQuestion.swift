/// What a gate asks the Redis that all gates of a region share, about one request. The shell finds the keys' texts.
package struct GateQuestion: Hashable, Sendable {
    package struct Limit: Hashable, Sendable {
        package let key: GateKey
        package let rate: RateLimit
        package init(key: GateKey, rate: RateLimit) { (self.key, self.rate) = (key, rate) }
    }
    /// A key that is set once. Everybody who comes later gets the first value.
    package struct Mark: Hashable, Sendable {
        package let key: GateKey
        package let value: String
        package let lifeMilliseconds: Int64
        package init(key: GateKey, value: String, lifeMilliseconds: Int64) {
            (self.key, self.value, self.lifeMilliseconds) = (key, value, lifeMilliseconds)
        }
    }

    package let limits: [Limit]
    /// Counters to be read.
    package let counters: [GateKey]
    package let marks: [Mark]

    package init(limits: [Limit], counters: [GateKey] = [], marks: [Mark] = []) {
        (self.limits, self.counters, self.marks) = (limits, counters, marks)
    }
}

package enum GateKey: Hashable, Sendable {
    case buyer(BuyerID)
    case address(NetworkAddress)
    case session(UInt64)
    case lot(LotID)
    /// The first entry of a buyer: its value is the rank.
    case entry(LotID, BuyerID)
    /// Answers of a buyer to questions, right and wrong ones.
    case answers(BuyerID)
    /// A challenge that was used: its value is the buyer, or that the answer did not count.
    case spent(nonce: String)
    /// Fast answers of a buyer in a row.
    case fastAnswers(BuyerID)
    /// How many of a buyer's tokens in a lot have ended without an order.
    case endedAttempts(LotID, BuyerID)
    /// When the token of the present attempt was first made: its value is a number of microseconds.
    case issued(LotID, BuyerID)
}

/// The answer of the gates' Redis.
package struct GateReply: Hashable, Sendable {
    /// 0: within all limits. Otherwise nothing was counted, and no mark was set.
    package var waitMilliseconds: Int
    /// In the order of the question; 0 for one that does not exist.
    package var counters: [Int]
    /// The value that each mark had before, in the order of the question; `nil` if the request set it.
    package var earlier: [String?]
    /// The gates' Redis did not answer. Then the gate's own limits are the only ones, and a mark is not known.
    package var isAlone: Bool

    package init(waitMilliseconds: Int = 0, counters: [Int] = [], earlier: [String?] = [], isAlone: Bool = false) {
        (self.waitMilliseconds, self.counters) = (waitMilliseconds, counters)
        (self.earlier, self.isAlone) = (earlier, isAlone)
    }

    func counter(_ index: Int) -> Int { index < self.counters.count ? self.counters[index] : 0 }
    func mark(_ index: Int) -> String? { index < self.earlier.count ? self.earlier[index] : nil }
}
