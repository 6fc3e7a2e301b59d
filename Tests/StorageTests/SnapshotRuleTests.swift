import Storage
import Testing
import TrancheCore

@Suite("Snapshots of the authority log") struct SnapshotRuleTests {
    /// A rule in a class: expectations cannot call mutating methods.
    private final class Log {
        private var rule: SnapshotRule
        private var position: Int64 = 0
        init(_ rule: SnapshotRule) { self.rule = rule }

        /// - Returns: Whether a snapshot begins after these records.
        func commit(_ records: AuthorityRecord...) -> Bool {
            self.position += Int64(records.count)
            return self.rule.beginIfDue(after: records, at: self.position)
        }
        func end() { self.rule.ended(at: self.position) }
    }

    private func batch(passed count: Int) -> AuthorityRecord {
        let passed = (0..<count).map { index in
            let stamp = Stamp(rawValue: UInt64(index))
            return ContestBatch.Entrant(
                order: OrderID(high: 1, low: UInt64(index)), unit: UnitID(4), generation: Generation(1), quantity: 1,
                place: Place(stamp: stamp, tie: 0), stamp: stamp, uncertainty: 0, isLate: false, index: index)
        }
        return .contest(
            LotID(1),
            ContestBatch(
                number: 1, at: .distantPast, frontier: .zero, passed: passed, allocated: [], released: [], waited: []))
    }

    @Test("a snapshot is due when enough requests have passed in contests, however few records they are in")
    func passedRequestsMakeItDue() {
        let log = Log(SnapshotRule(passedLimit: 10))
        #expect(!log.commit(self.batch(passed: 4)))
        #expect(!log.commit(self.batch(passed: 5)))
        #expect(log.commit(self.batch(passed: 1)), "10 have passed")
        #expect(!log.commit(self.batch(passed: 10)), "one snapshot at a time")
        log.end()
        #expect(log.commit(.epoch(Epoch(1))), "10 have passed since the last one began")
        log.end()
        #expect(!log.commit(self.batch(passed: 9)))
        #expect(SnapshotRule.passedLimit == 100_000)
    }

    @Test("a snapshot is due when the log has enough records since the last one") func recordsMakeItDue() {
        let log = Log(SnapshotRule(recordsLimit: 3))
        let record = AuthorityRecord.epoch(Epoch(1))
        #expect(!log.commit(record), "the first commit of a process begins the count")
        #expect(!log.commit(record, record))
        #expect(log.commit(record))
        log.end()
        #expect(!log.commit(record, record))
        #expect(log.commit(record))
    }
}
