import Testing
import TrancheCore

@Suite("The lines of all lots, in the center") struct SaleLinesTests {
    static let opensAt = Instant(milliseconds: 1_000_000)

    static func lot(left: Int = 100, issued: Int = 100, opensAt: Instant = Self.opensAt) -> SaleLines.Lot {
        SaleLines.Lot(
            id: LotID(1), policy: .firstCome, opensAt: opensAt, left: left, issued: issued, isContested: false,
            load: LoadFigures(capacityPerSecond: 1_000, waitingMilliseconds: 0, cpuPermille: 0),
            tokenMilliseconds: 10_000)
    }

    /// `count` arrivals before the opening, known up to `until`.
    static func report(_ count: Int, minted: Int = 0, until: Instant, published: EntryRank = .nobody)
        -> SaleLines.Report
    {
        var entries = ArrivalCounts()
        for _ in 0..<count { entries.count(EntryRank(arrivedAt: Self.opensAt.advanced(milliseconds: -500))) }
        entries.complete(until: until)
        return SaleLines.Report(
            lot: LotID(1), entries: entries, minted: minted, threshold: LineThreshold(published))
    }

    /// Steps every 250 ms, with a report before each.
    static func run(
        _ lines: inout SaleLines, from first: Int64, to last: Int64, left: Int = 100, issued: Int = 100,
        _ reports: (Instant) -> [SaleLines.Report]
    ) {
        for milliseconds in stride(from: first, through: last, by: 250) {
            let now = Self.opensAt.advanced(milliseconds: milliseconds)
            lines.hear("gate", reports(now))
            lines.step([Self.lot(left: left, issued: issued)], now: now)
        }
    }

    @Test("nobody passes before the opening, and then the threshold rises") func opensTheLine() {
        var lines = SaleLines()
        Self.run(&lines, from: -1_000, to: -250) { [Self.report(50, until: $0)] }
        #expect(lines.state(of: LotID(1))?.threshold.rank == .nobody)
        #expect(lines.state(of: LotID(1))?.entered == 50)
        Self.run(&lines, from: 0, to: 2_000) { [Self.report(50, until: $0)] }
        #expect(lines.state(of: LotID(1))?.admitted == 50)
    }

    @Test("the line stops when those ahead suffice, and goes on when their tokens have lapsed") func stopsAndGoesOn() {
        var lines = SaleLines()
        Self.run(&lines, from: -500, to: 3_000, left: 10) { [Self.report(1_000, until: $0)] }
        let stopped = lines.state(of: LotID(1))?.admitted ?? 0
        #expect((10...60).contains(stopped), "\(stopped) of 1000 passed for 10 items")
        Self.run(&lines, from: 3_250, to: 40_000, left: 10) { [Self.report(1_000, minted: stopped, until: $0)] }
        #expect((lines.state(of: LotID(1))?.admitted ?? 0) > stopped)
    }

    @Test("orders that expire let the line go on at once, also after tokens that nobody used") func goesOnWithOrders() {
        var lines = SaleLines()
        func admitted() -> Int { lines.state(of: LotID(1))?.admitted ?? 0 }
        Self.run(&lines, from: -500, to: 3_000, left: 10, issued: 10) { [Self.report(1_000, until: $0)] }
        let first = admitted()
        // Nobody of the first ones buys: their tokens end after 10 s, and others may go on.
        Self.run(&lines, from: 3_250, to: 14_000, left: 10, issued: 10) {
            [Self.report(1_000, minted: first, until: $0)]
        }
        let second = admitted()
        #expect((first + 100..<1_000).contains(second), "\(second)")
        // They get their tokens, and the line stands while these live.
        Self.run(&lines, from: 14_250, to: 16_000, left: 10, issued: 10) {
            [Self.report(1_000, minted: second, until: $0)]
        }
        Self.run(&lines, from: 16_250, to: 16_250, left: 0, issued: 10) {
            [Self.report(1_000, minted: second, until: $0)]
        }
        #expect(admitted() == second)
        // Ten of them ordered, and did not pay: the items are back, and these ten do not come again.
        Self.run(&lines, from: 16_500, to: 17_000, left: 10, issued: 10) {
            [Self.report(1_000, minted: second, until: $0)]
        }
        #expect((second + 5...second + 15).contains(admitted()), "\(admitted()) after \(second)")
    }

    @Test("a center that was restarted goes on from the threshold that gates have published") func keepsThresholds() {
        var lines = SaleLines()
        let published = EntryRank(arrivedAt: Self.opensAt)
        let now = Self.opensAt.advanced(milliseconds: 1_000)
        lines.hear("gate", [Self.report(0, until: now, published: published)])
        lines.step([Self.lot()], now: now)
        #expect(lines.state(of: LotID(1)).map { $0.threshold.rank >= published } == true)
        // Also when the sale is paused, which moves the opening away, and resumed.
        lines.step([Self.lot(opensAt: .distantFuture)], now: now.advanced(milliseconds: 250))
        lines.hear("gate", [Self.report(0, until: now, published: published)])
        lines.step([Self.lot()], now: now.advanced(milliseconds: 500))
        #expect(lines.state(of: LotID(1)).map { $0.threshold.rank >= published } == true)
    }

    @Test("the entries of two gates add up, and a report that comes twice counts once") func addsGates() {
        var lines = SaleLines()
        let now = Self.opensAt.advanced(milliseconds: -250)
        lines.step([Self.lot()], now: now)
        for gate in ["a", "b", "a"] { lines.hear(gate, [Self.report(7, until: now)]) }
        lines.step([Self.lot()], now: now)
        #expect(lines.state(of: LotID(1))?.entered == 14)
    }
}
