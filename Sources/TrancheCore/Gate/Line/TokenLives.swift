/// How many tokens of a lot have come to an end, from sums alone: nobody in the center knows single tokens.
///
/// A token ends when an order uses it, or when its life is over. A token that a unit has refused for good is known only by
/// the end of its life.
///
/// Tokens that were made at about the same time are a cohort. Each item that is taken ends one token of the newest cohort
/// that has a live one, because buyers use a token within seconds; an order of several items so ends several tokens. When the
/// life of a cohort is over, those that it still has end too. So each token ends once, and a token whose order was
/// cancelled or has expired does not come back to life with the item.
package struct TokenLives: Hashable, Sendable {
    private struct Cohort: Hashable, Sendable {
        let madeFrom: Instant
        var madeUntil: Instant
        var live: Int
    }
    /// Cohorts of one life. The last token of a cohort ends with its life, the first one by so much later.
    static let cohortsPerLife: Int64 = 64
    static let shortestCohortMilliseconds: Int64 = 250

    /// Tokens that were made, ever.
    package private(set) var minted = 0
    private var live = 0
    private var taken = 0
    /// The oldest one first.
    private var cohorts: [Cohort] = []

    package init() {}

    package var ended: Int { self.minted - self.live }

    /// - Parameters:
    ///   - minted: Tokens that were made, ever. A smaller number than before is an old report.
    ///   - taken: Items that are with buyers now, so the number falls when items come back.
    ///   - life: How long a token lives, in milliseconds.
    package mutating func observe(minted: Int, taken: Int, life: Int64, now: Instant) {
        self.add(min(max(0, minted), Limits.entries) - self.minted, life: life, now: now)
        let taken = min(max(0, taken), Limits.stockPerLot)
        self.use(taken - self.taken)
        self.taken = taken
        while let first = self.cohorts.first, now.milliseconds(since: first.madeUntil) >= life {
            self.live -= first.live
            self.cohorts.removeFirst()
        }
    }

    private mutating func add(_ count: Int, life: Int64, now: Instant) {
        guard count > 0 else { return }
        self.minted += count
        self.live += count
        let width = max(Self.shortestCohortMilliseconds, life / Self.cohortsPerLife)
        if let last = self.cohorts.last, now.milliseconds(since: last.madeFrom) < width {
            let index = self.cohorts.count - 1
            self.cohorts[index].live += count
            self.cohorts[index].madeUntil = max(now, last.madeUntil)
        } else {
            self.cohorts.append(Cohort(madeFrom: now, madeUntil: now, live: count))
        }
    }

    private mutating func use(_ items: Int) {
        var left = max(0, items)
        for index in self.cohorts.indices.reversed() where left > 0 {
            let used = min(left, self.cohorts[index].live)
            self.cohorts[index].live -= used
            self.live -= used
            left -= used
        }
    }
}
