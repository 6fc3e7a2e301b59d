/// The pauses before the tries of an event that a receiver did not take.
///
/// Source: the retry schedule of the Standard Webhooks specification: at once, then after 5 s, 5 and 30 min, and 2, 5, 10, 14,
/// 20 and 24 hours. Each is longer by a random part, so that the events of an outage do not come back together.
package struct RelayPauses: Hashable, Sendable {
    /// The pause before each further try, in milliseconds.
    package let milliseconds: [Int64]
    /// The longest random part, in thousandths of a pause.
    static let jitterPermille: UInt64 = 200

    package static let standard = RelayPauses([
        5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
    ])!

    /// The rule for pauses, for messages.
    package static var rule: String {
        "1...\(Limits.relayPauses) pauses of 1...\(Limits.relayPauseMilliseconds) ms, none shorter than the one before"
    }

    /// - Returns: `nil` if the pauses break ``rule``.
    package init?(_ milliseconds: [Int64]) {
        guard (1...Limits.relayPauses).contains(milliseconds.count),
            milliseconds.allSatisfy({ (1...Limits.relayPauseMilliseconds).contains($0) }),
            milliseconds == milliseconds.sorted()
        else { return nil }
        self.milliseconds = milliseconds
    }

    /// The pause after a number of failed tries; `nil` after the last one.
    ///
    /// - Parameter draw: Any number, drawn uniformly.
    func pause(after tries: Int, draw: UInt64) -> Int64? {
        guard tries <= self.milliseconds.count else { return nil }
        return Self.lengthened(self.milliseconds[max(0, tries - 1)], draw: draw)
    }

    static func lengthened(_ milliseconds: Int64, draw: UInt64) -> Int64 {
        milliseconds + Int64(UInt64(milliseconds) * (draw % (self.jitterPermille + 1)) / 1_000)
    }
}

/// What a consumer of events wants, and how much of it at a time.
package struct RelaySettings: Hashable, Sendable {
    package var kinds: Set<OutboxEvent.Kind> = Self.usualKinds
    /// Deliveries that are under way at the same time.
    package var concurrency = 16
    /// Deliveries in any second; `nil` for no limit.
    package var perSecond: Int?
    /// Events in memory that have been read and not answered.
    package var queueLimit = 16_384
    package var pauses = RelayPauses.standard

    package init() {}

    /// All but ``OutboxEvent/Kind/lost``: a contest has a hundred losers for each order.
    package static let usualKinds = Set(OutboxEvent.Kind.allCases).subtracting([.lost])
}
