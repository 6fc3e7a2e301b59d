package import TrancheCore

/// The form on disk of a commit that only says "the unit is alive": a nonce, and the ceiling of stamps.
///
/// Such a row is overwritten by the next one of its kind, so that an idle unit's journal does not grow. It lists the heads
/// that it has replaced, because the center or Redis may have seen one of them: a ledger must be able to prove what it
/// showed. Its digest covers the list, its own position, and the row before it; the next row's digest covers this one.
///
/// `255, position (8), number of heads, heads (position 8, digest 16), entries`, numbers big-endian. No entry begins with
/// 255, so no other row is read as this one.
package struct HeartbeatRow: Hashable, Sendable {
    /// Replaced heads that a row lists. While it grows, one is confirmed with every report: the center's witness is among
    /// the last two. The others are for Redis, which may be silent for some seconds.
    package static let headsLimit = 64
    private static let marker: UInt8 = 255

    package let position: UInt64
    /// The newest last.
    package let replaced: [LedgerHead]
    package let ceiling: Stamp?
    package let nonce: UInt64

    package init(position: UInt64, replaced: [LedgerHead], ceiling: Stamp?, nonce: UInt64) {
        self.position = position
        self.replaced = replaced.suffix(Self.headsLimit)
        self.ceiling = ceiling
        self.nonce = nonce
    }

    package var entries: [LedgerEntry] { (self.ceiling.map { [.ceiling($0)] } ?? []) + [.nonce(self.nonce)] }

    package static func isOne(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.first == Self.marker }

    /// Appends the bytes that the ledger keeps and the hash chain covers.
    package func encode(into bytes: inout [UInt8]) {
        func write(_ number: UInt64) { withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) } }
        bytes.append(Self.marker)
        write(self.position)
        bytes.append(UInt8(truncatingIfNeeded: self.replaced.count))
        for head in self.replaced {
            write(head.position)
            write(head.digest.high)
            write(head.digest.low)
        }
        for entry in self.entries { EntryRow(entry).encode(into: &bytes) }
    }

    /// - Returns: `nil` if the bytes are not a whole and valid row of this kind.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard reader.byte() == Self.marker, let position = reader.big(UInt64.self), let count = reader.byte(),
            count <= Self.headsLimit
        else { return nil }
        var replaced: [LedgerHead] = []
        for _ in 0..<count {
            guard let at = reader.big(UInt64.self), let high = reader.big(UInt64.self),
                let low = reader.big(UInt64.self), at > replaced.last?.position ?? 0, at < position
            else { return nil }
            replaced.append(LedgerHead(position: at, digest: ChainDigest(high: high, low: low)))
        }
        var entries: [LedgerEntry] = []
        guard EntryRow.readEntries(UnsafeRawBufferPointer(rebasing: bytes[reader.offset...]), into: &entries),
            case .nonce(let nonce)? = entries.popLast(), entries.count <= 1
        else { return nil }
        var ceiling: Stamp?
        if let first = entries.first {
            guard case .ceiling(let stamp) = first else { return nil }
            ceiling = stamp
        }
        self.init(position: position, replaced: replaced, ceiling: ceiling, nonce: nonce)
    }
}
