import TrancheCore

/// A line with its crowd: entries come, the controller steps four times a second, those who may go on take a token a
/// second later, and use it after another one.
struct LineWorld {
    static let opening = Instant(milliseconds: 1_700_000_000_000)

    var controller: LineController
    var now: Instant
    var demand = ArrivalCounts()
    var load = LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 1, cpuPermille: 300)
    private let stock: Int
    private(set) var stockLeft: Int
    /// How many of a hundred who may go on come, and of these how many buy.
    var showPercent = 100
    var buyPercent = 100
    private(set) var states: [LineState] = []
    private(set) var minted = 0
    private(set) var finished = 0

    init(_ policy: LinePolicy, stock: Int, secondsToOpening: Int64 = 0) {
        self.controller = LineController(policy: policy, opensAt: Self.opening)
        self.now = Self.opening.advanced(milliseconds: -secondsToOpening * 1_000)
        (self.stock, self.stockLeft) = (stock, stock)
    }

    /// Entries that are drawn, evenly over the ranks.
    mutating func enterDrawn(_ count: Int) {
        for number in 0..<count {
            self.demand.count(EntryRank(draw: UInt64(number) &* (UInt64.max / UInt64(count))))
        }
    }

    /// Entries that arrive now.
    mutating func enter(_ count: Int) {
        for _ in 0..<count { self.demand.count(EntryRank(arrivedAt: self.now)) }
    }

    /// One step of 250 ms, at the end of it.
    @discardableResult mutating func step(milliseconds: Int64 = 250) -> LineState {
        self.now = self.now.advanced(milliseconds: milliseconds)
        self.demand.complete(until: self.now)
        let admitted = self.admitted(secondsAgo: 1) * self.showPercent / 100
        let used = self.admitted(secondsAgo: 2) * self.showPercent / 100
        self.minted = max(self.minted, admitted)
        self.finished = max(self.finished, used)
        self.stockLeft = max(0, self.stock - self.finished * self.buyPercent / 100)
        let state = self.controller.step(
            now: self.now, demand: self.demand, minted: self.minted, finished: self.finished,
            stockLeft: self.stockLeft, load: self.load)
        self.states.append(state)
        return state
    }

    @discardableResult mutating func run(seconds: Int) -> LineState? {
        for _ in 0..<seconds * 4 { self.step() }
        return self.states.last
    }

    private func admitted(secondsAgo seconds: Int) -> Int {
        self.states.count >= seconds * 4 ? self.states[self.states.count - seconds * 4].admitted : 0
    }
}
