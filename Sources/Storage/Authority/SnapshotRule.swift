package import TrancheCore

/// When the center writes a snapshot of its book. A start reads the log behind the last one, so a snapshot is due when
/// the log has become long since, by its records or by the requests in their batches.
package struct SnapshotRule: Sendable {
    /// Records between two snapshots.
    package static let recordsLimit: Int64 = 1_000
    /// Requests that pass in contests between two snapshots.
    package static let passedLimit = 100_000

    private let recordsLimit: Int64
    private let passedLimit: Int
    /// The position of the last snapshot, or of the first commit of this process.
    private var last: Int64?
    private var passedCount = 0
    private var isUnderway = false

    package init(recordsLimit: Int64 = SnapshotRule.recordsLimit, passedLimit: Int = SnapshotRule.passedLimit) {
        (self.recordsLimit, self.passedLimit) = (recordsLimit, passedLimit)
    }

    /// These records are in the log, up to `position`.
    ///
    /// - Returns: Whether a snapshot begins now; ``ended(at:)`` follows.
    package mutating func beginIfDue(after records: [AuthorityRecord], at position: Int64) -> Bool {
        for case .contest(_, let batch) in records { self.passedCount += batch.passed.count }
        guard let last else {
            self.last = position
            return false
        }
        let isLong = position - last >= self.recordsLimit || self.passedCount >= self.passedLimit
        guard isLong, !self.isUnderway else { return false }
        (self.isUnderway, self.passedCount) = (true, 0)
        return true
    }

    /// The snapshot that began at `position` is written, or has failed.
    package mutating func ended(at position: Int64) { (self.isUnderway, self.last) = (false, position) }
}
