import TrancheCore

/// A coordinator that merges the reports of three units, and decides; it starts a new contest from time to time.
struct MergeBench {
    static let units = 3
    static let roundsPerContest = 40
    private var merge = MergeBench.contest()
    private var rounds = 0
    private var numbers: UInt64 = 0

    private static func contest() -> ContestMerge {
        var merge = ContestMerge(
            lot: Benchmarks.lot, book: ContestBook(terms: .init(policy: .stamp, waitlist: 0)), now: Benchmarks.now,
            tie: { $0.low })
        let members = (1...Self.units).map { (UnitID(UInt16($0)), Generation(1)) }
        merge.observe(
            .init(
                batches: 0, pool: 1_000_000, mayReturn: 0, isClosed: false,
                members: Dictionary(uniqueKeysWithValues: members)))
        return merge
    }

    mutating func round() {
        if self.rounds == Self.roundsPerContest { (self.merge, self.rounds) = (Self.contest(), 0) }
        let base = self.rounds * Benchmarks.batch
        let now = Benchmarks.now.advanced(milliseconds: Int64(self.rounds + 1))
        for unit in 1...Self.units {
            let candidates = (0..<Benchmarks.batch).map { index in
                self.numbers += 1
                return Candidate(
                    index: base + index, order: OrderID(high: UInt64(unit), low: self.numbers), quantity: 1,
                    stamp: Stamp(Instant(microseconds: now.microseconds - 1_000 + Int64(index * 3 + unit))),
                    uncertainty: 500)
            }
            self.merge.receive(
                .init(
                    lot: Benchmarks.lot, base: 0, candidates: candidates, end: base + Benchmarks.batch,
                    watermark: Stamp(now), heard: base),
                from: UnitID(UInt16(unit)), generation: Generation(1), isTrusted: true, now: now)
        }
        guard let batch = self.merge.decide(now: now) else { preconditionFailure("nothing to decide") }
        precondition(batch.allocated.count == Self.units * Benchmarks.batch, "\(batch.allocated.count) were decided")
        self.merge.committed(batch.number, pool: 1_000_000, coming: 0, mayReturn: 0)
        self.rounds += 1
    }
}
