import LedgerRows
import TrancheCore

/// The end of a ledger: what the next commit follows, or overwrites.
struct LedgerEnd {
    private(set) var head: LedgerHead
    var generation: Generation
    /// The last row, if it is a heartbeat: the next one overwrites it.
    private(set) var heartbeat: HeartbeatRow?
    /// The digest that the next heartbeat's digest covers: of the last row that stays.
    var base: ChainDigest { self.kept.digest }
    /// The head of the last row that no heartbeat overwrites.
    private(set) var kept: LedgerHead
    /// A ceiling that is on disk beside the journal. It moves no head, so that a unit whose center is silent keeps the head
    /// that it showed last; the next commit takes it into the chain.
    var ceiling: Stamp?

    init(head: LedgerHead, generation: Generation) {
        (self.head, self.generation, self.kept) = (head, generation, head)
    }

    init(head: LedgerHead, generation: Generation, heartbeat: HeartbeatRow, kept: LedgerHead) {
        (self.head, self.generation, self.heartbeat, self.kept) = (head, generation, heartbeat, kept)
    }

    /// The row that a commit of heartbeats writes; `nil` if it brings no nonce, and only raises ``ceiling``.
    mutating func nextHeartbeat(_ entries: [LedgerEntry]) -> HeartbeatRow? {
        var nonce: UInt64?
        for entry in entries {
            switch entry {
            case .nonce(let drawn): nonce = drawn
            case .ceiling(let stamp): self.ceiling = max(self.ceiling ?? stamp, stamp)
            default: preconditionFailure("\(entry) is no heartbeat")
            }
        }
        guard let nonce else { return nil }
        // What the overwritten row said of the ceiling would be lost with it.
        let ceiling = [self.ceiling, self.heartbeat?.ceiling].compactMap { $0 }.max()
        return HeartbeatRow(
            position: self.head.position + 1, replaced: self.heartbeat.map { $0.replaced + [self.head] } ?? [],
            ceiling: ceiling, nonce: nonce)
    }

    mutating func end(with row: HeartbeatRow, _ digest: ChainDigest) {
        self.head = LedgerHead(position: row.position, digest: digest)
        (self.heartbeat, self.ceiling) = (row, nil)
    }
}
