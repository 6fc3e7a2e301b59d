import TrancheCore

/// The last heads behind which a process has inserted a row. The center asks for one with each report, and the answer
/// takes no question to the database.
struct RecentHeads {
    static let limit = 512
    private var heads: [LedgerHead] = []

    mutating func add(_ head: LedgerHead) {
        if self.heads.count == 2 * Self.limit { self.heads.removeFirst(Self.limit) }
        self.heads.append(head)
    }

    func head(at position: UInt64) -> LedgerHead? { self.heads.last { $0.position == position } }
}
