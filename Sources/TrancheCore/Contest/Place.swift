/// A place in the one order of all requests for a lot: by stamp, and where stamps are equal by tie key.
///
/// The tie key is an HMAC over the order id with a secret of the sale, so that neither a region nor a buyer can choose
/// it, and anyone can check it when the secret is published.
package struct Place: Hashable, Comparable, Sendable, Codable {
    package let stamp: Stamp
    package let tie: UInt64
    package init(stamp: Stamp, tie: UInt64) { (self.stamp, self.tie) = (stamp, tie) }
    package static let zero = Place(stamp: .zero, tie: 0)
    package static func < (left: Place, right: Place) -> Bool { (left.stamp, left.tie) < (right.stamp, right.tie) }

    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.stamp = try container.decode(Stamp.self)
        self.tie = try container.decode(UInt64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(self.stamp)
        try container.encode(self.tie)
    }
}

/// The order of contested requests.
package enum ContestPolicy: Hashable, Sendable, Codable {
    /// By the stamp of the unit where the request arrived.
    case stamp
    /// By stamp, but requests too close to the cut for the clocks draw lots, by tie key.
    case bandLottery(microseconds: Int64)
    /// All requests within one window of this length are equal, and draw lots, by tie key.
    case rounds(milliseconds: Int64)
    /// By arrival at the coordinator: unfair to distant regions. The baseline for the other policies.
    case arrival
}

/// The rules of a lot's contest. They are in the authority log when the contest begins.
package struct ContestTerms: Hashable, Sendable, Codable {
    package let policy: ContestPolicy
    /// The largest number of requests that wait for returned stock.
    package let waitlist: Int
    package init(policy: ContestPolicy, waitlist: Int) { (self.policy, self.waitlist) = (policy, waitlist) }
}

/// When a lot leaves local sales for the contest.
package enum ContestStart: Hashable, Sendable, Codable {
    case never
    /// When the rest would be sold during a switch.
    case whenScarce
    /// When no more than this share of the stock is left, in permille.
    case atShare(permille: Int)
    /// The whole lot is contested.
    case fromTheStart
}
