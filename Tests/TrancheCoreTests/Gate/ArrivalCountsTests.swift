import Testing
import TrancheCore

@Suite("Counts of entries") struct ArrivalCountsTests {
    private let start = Instant(milliseconds: 1_700_000_000_000)

    private func arrival(_ milliseconds: Int64) -> EntryRank {
        EntryRank(arrivedAt: self.start.advanced(milliseconds: milliseconds))
    }

    /// Counts with arrivals at seeded moments, in order; and their ranks.
    private func crowd(
        _ seed: UInt64, drawn: Int, arrived: Int, seconds: Int
    ) -> (counts: ArrivalCounts, ranks: [EntryRank]) {
        var draw = SeededDraw(seed)
        var ranks = (0..<drawn).map { _ in EntryRank(draw: draw.next()) }
        for _ in 0..<arrived {
            let offset = draw.below(Int64(seconds) * 1_000_000)
            ranks.append(EntryRank(arrivedAt: Instant(microseconds: self.start.microseconds + offset)))
        }
        ranks.sort()
        var counts = ArrivalCounts()
        for rank in ranks { counts.count(rank) }
        counts.complete(until: self.start.advanced(milliseconds: Int64(seconds) * 1_000 + 1_000))
        return (counts, ranks)
    }

    private func isSound(_ counts: ArrivalCounts) -> Bool {
        let spans = counts.spans
        return spans.count <= Limits.arrivalSpans
            && spans.allSatisfy { ArrivalSpan(start: $0.start, level: $0.level, count: $0.count) == $0 }
            && spans.indices.dropFirst().allSatisfy { spans[$0 - 1].endsAt <= spans[$0].startsAt }
    }

    @Test("draws have one total, and arrivals spans of 250 ms") func spans() {
        var counts = ArrivalCounts()
        for rank in [EntryRank(draw: 1), EntryRank(draw: .max), self.arrival(0), self.arrival(249), self.arrival(250)] {
            counts.count(rank)
        }
        #expect(counts.drawn == 2 && counts.arrived == 3 && counts.total == 5)
        #expect(counts.spans.map(\.count) == [2, 1])
        #expect(counts.spans.map(\.startsAt) == [self.start, self.start.advanced(milliseconds: 250)])
    }

    @Test("an entry out of order is counted in its own span") func outOfOrder() {
        var counts = ArrivalCounts()
        for milliseconds in [1_000, 0, 500, 1_100, 10] as [Int64] { counts.count(self.arrival(milliseconds)) }
        #expect(counts.spans.map(\.count) == [2, 1, 2])
    }

    @Test("any time of a sale fits into the spans, and the newest stay short", arguments: [60, 3_600, 86_400])
    func bounded(seconds: Int) {
        let (counts, ranks) = self.crowd(7, drawn: 10, arrived: 20_000, seconds: seconds)
        #expect(self.isSound(counts) && counts.total == ranks.count)
        #expect(counts.spans.last?.level == 0)
        #expect(zip(counts.spans, counts.spans.dropFirst()).allSatisfy { $0.level >= $1.level })
    }

    @Test("the ends of time fit, too") func endsOfTime() {
        var counts = ArrivalCounts()
        for moment in [Int64.min, 0, .max, 1 << 40] {
            counts.count(EntryRank(arrivedAt: Instant(microseconds: moment)))
        }
        for offset in Int64(0)..<1_000 { counts.count(EntryRank(arrivedAt: Instant(microseconds: offset << 52))) }
        #expect(self.isSound(counts) && counts.total == 1_004)
        #expect(counts.entries(upTo: .everybody) == 1_004)
    }

    @Test("reports of a gate in any order, lost and repeated, give the last one", arguments: [UInt64(1), 2, 3, 4])
    func reportsMerge(seed: UInt64) {
        var draw = SeededDraw(seed)
        let (_, ranks) = self.crowd(seed, drawn: 500, arrived: 3_000, seconds: 600)
        var counts = ArrivalCounts()
        var reports: [ArrivalCounts] = []
        for (index, rank) in ranks.enumerated() {
            counts.count(rank)
            counts.complete(until: rank.arrivedAt ?? .distantPast)
            if index % 97 == 0 { reports.append(counts) }
        }
        reports = reports.filter { _ in draw.below(3) > 0 } + [counts, counts]
        reports.shuffle(using: &draw)
        var merged = ArrivalCounts()
        for report in reports { merged.merge(report) }
        #expect(self.isSound(merged))
        #expect(merged.total == counts.total && merged.drawn == 500)
        #expect(merged.completeUntil == counts.completeUntil)
    }

    @Test("the entries of all gates add up, in any form of their spans", arguments: [UInt64(1), 2, 3]) func sums(
        seed: UInt64
    ) {
        let gates = [
            self.crowd(seed, drawn: 100, arrived: 2_000, seconds: 3_600).counts,
            self.crowd(seed + 10, drawn: 50, arrived: 300, seconds: 20).counts,
            ArrivalCounts(completeUntil: self.start.advanced(milliseconds: 5_000)),
        ]
        let sum = ArrivalCounts.sum(gates, heardSince: self.start)
        #expect(self.isSound(sum) && sum.total == 2_450 && sum.drawn == 150)
        #expect(sum.completeUntil == self.start.advanced(milliseconds: 5_000))
    }

    @Test("a silent gate does not hold the line back, and its entries count") func silentGate() {
        var silent = ArrivalCounts(completeUntil: self.start)
        silent.count(self.arrival(-10))
        let gates = [silent, ArrivalCounts(completeUntil: self.start.advanced(milliseconds: 9_000))]
        let sum = ArrivalCounts.sum(gates, heardSince: self.start.advanced(milliseconds: 4_000))
        #expect(sum.completeUntil == self.start.advanced(milliseconds: 9_000) && sum.total == 1)
        #expect(ArrivalCounts.sum([silent], heardSince: .distantFuture).completeUntil == .distantPast)
    }

    @Test("a number of entries leads to a rank, and the rank back to the number", arguments: [UInt64(1), 2, 3])
    func roundTrip(seed: UInt64) {
        let (counts, _) = self.crowd(seed, drawn: 1_234, arrived: 5_000, seconds: 600)
        var last = EntryRank.nobody
        for count in 0...counts.total {
            let rank = counts.rank(ofEntries: count)
            #expect(counts.entries(upTo: rank) == count)
            #expect(rank >= last)
            last = rank
        }
    }

    @Test("the estimates are near the real numbers", arguments: [UInt64(1), 2, 3]) func estimates(seed: UInt64) {
        let (counts, ranks) = self.crowd(seed, drawn: 10_000, arrived: 10_000, seconds: 60)
        for count in stride(from: 100, to: counts.total, by: 250) {
            let threshold = counts.rank(ofEntries: count)
            let passed = ranks.filter { $0 <= threshold }.count
            #expect(abs(passed - count) < 250, "\(passed) instead of \(count)")
        }
        #expect(ranks.filter { $0 <= counts.rank(ofEntries: 20_000) }.count == 20_000)
    }

    @Test("nobody passes who may not be counted yet") func incomplete() {
        var counts = ArrivalCounts()
        for milliseconds in [0, 10, 20] as [Int64] { counts.count(self.arrival(milliseconds)) }
        counts.complete(until: self.start.advanced(milliseconds: 100))
        #expect(counts.rank(ofEntries: 1_000) < self.arrival(100))
        #expect(counts.rank(ofEntries: 1_000) >= self.arrival(99))
        #expect(counts.rank(ofEntries: 3) < self.arrival(100), "the span is known until 100 ms, not until 250 ms")
        #expect(ArrivalCounts().rank(ofEntries: 5) == .lastDrawn)
    }

    @Test("those ahead are the entries before, less those who may go on") func ahead() {
        var counts = ArrivalCounts()
        for _ in 0..<1_000 { counts.count(EntryRank(draw: 1)) }
        let half = EntryRank(rawValue: 1 << 62)
        #expect(counts.ahead(of: half, admitted: 100) == 399)
        #expect(counts.ahead(of: half, admitted: 900) == 0)
    }

    @Test("numbers that no gate can have made are refused whole") func badReports() throws {
        #expect(ArrivalSpan(start: 1, level: 1, count: 1) == nil, "not a multiple of its length")
        #expect(ArrivalSpan(start: -1, level: 0, count: 1) == nil)
        #expect(ArrivalSpan(start: 0, level: 46, count: 1) == nil)
        #expect(ArrivalSpan(start: 1 << 45, level: 0, count: 1) == nil)
        #expect(ArrivalSpan(start: 0, level: 0, count: -1) == nil)
        #expect(ArrivalSpan(start: 0, level: 0, count: Limits.entries + 1) == nil)
        let wide = try #require(ArrivalSpan(start: 4, level: 2, count: 1))
        let inside = try #require(ArrivalSpan(start: 5, level: 0, count: 1))
        let behind = try #require(ArrivalSpan(start: 8, level: 0, count: 1))
        let moment = self.start
        #expect(ArrivalCounts(drawn: 0, spans: [wide, inside], completeUntil: moment) == nil)
        #expect(ArrivalCounts(drawn: 0, spans: [behind, wide], completeUntil: moment) == nil)
        #expect(ArrivalCounts(drawn: -1, spans: [], completeUntil: moment) == nil)
        #expect(ArrivalCounts(drawn: Limits.entries + 1, spans: [], completeUntil: moment) == nil)
        #expect(ArrivalCounts(drawn: 0, spans: [], completeUntil: Instant(microseconds: -1)) == nil)
        let many = (0...Int64(Limits.arrivalSpans)).compactMap { ArrivalSpan(start: $0, level: 0, count: 1) }
        #expect(ArrivalCounts(drawn: 0, spans: many, completeUntil: moment) == nil)
        let good = try #require(ArrivalCounts(drawn: 3, spans: [wide, behind], completeUntil: moment))
        #expect(good.total == 5)
    }
}
