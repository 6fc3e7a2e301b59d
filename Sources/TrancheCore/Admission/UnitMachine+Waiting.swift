// How many requests wait for a decision, and how long they waited: what the shell's measure of load needs.

/// The time from the stamps of requests to their decisions.
struct WaitedTime: Sendable {
    private var microseconds: Int64 = 0
    private var requests: Int64 = 0

    /// Notes a batch that is decided now. Its requests came one after the other, so their average wait is about the average
    /// of the first and the last one.
    mutating func note(_ batch: ArraySlice<BuyRequest>, now: Instant) {
        guard let first = batch.first, let last = batch.last else { return }
        let count = Int64(batch.count)
        self.microseconds += (Self.wait(first, now) + Self.wait(last, now)) / 2 * count
        self.requests += count
    }

    /// The average; `nil` if nothing was decided.
    mutating func take() -> Int64? {
        defer { self = WaitedTime() }
        return self.requests > 0 ? self.microseconds / self.requests : nil
    }

    /// A wall clock that is set forward makes a wait of a minute at most, and one that is set back none.
    static func wait(_ request: BuyRequest, _ now: Instant) -> Int64 {
        let stamped = request.stamp.instant.microseconds
        return min(max(0, now.microseconds - stamped), 60_000_000)
    }
}

extension UnitMachine {
    /// Requests that wait for a decision now.
    package var waitingRequests: WaitingRequests {
        var waiting = WaitingRequests()
        for lot in self.lotsToDecide { waiting.count(self.lots[known: lot].waiting.count, of: lot) }
        for lot in self.lotsToRefer { waiting.count(self.lots[known: lot].referrals.count, of: lot) }
        return waiting
    }

    /// How long requests waited for their decision on the average, in microseconds, since the last call. If nothing was
    /// decided, it is the age of the oldest request that waits: a Redis that does not answer must not look like a calm.
    package mutating func takeWaited(now: Instant) -> Int64 {
        if let average = self.waited.take() { return average }
        let toDecide = self.lotsToDecide.compactMap { self.lots[known: $0].waiting.first }
        let toRefer = self.lotsToRefer.compactMap { self.lots[known: $0].referrals.first?.request }
        return (toDecide + toRefer).map { WaitedTime.wait($0, now) }.max() ?? 0
    }
}
