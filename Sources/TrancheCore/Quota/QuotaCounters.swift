/// The cumulative counters of one lot in one unit and generation. None of them ever goes down.
///
/// Each counter has one writer, every message carries the whole counter, and the receiver keeps the maximum:
/// loss, duplication and reordering of messages are harmless.
package struct QuotaCounters: Hashable, Sendable, Codable {
    /// `g`: highest grant that the unit made durable.
    package var granted: Int
    /// `a`: quota that contests gave to orders of this unit.
    package var allocated: Int
    /// `r`: returned quota.
    package var returned: Int
    /// `s`: all reserved or sold items.
    package var sold: Int
    /// `x`: all cancelled or expired items; never more than `sold`.
    package var cancelled: Int

    package init(granted: Int = 0, allocated: Int = 0, returned: Int = 0, sold: Int = 0, cancelled: Int = 0) {
        self.granted = granted
        self.allocated = allocated
        self.returned = returned
        self.sold = sold
        self.cancelled = cancelled
    }

    /// Items that the unit can still promise.
    package var available: Int { self.granted + self.allocated - self.returned - self.sold + self.cancelled }
    /// Items that buyers hold or have paid for.
    package var live: Int { self.sold - self.cancelled }
    /// I2 and the signs of all terms.
    package var isSound: Bool {
        self.available >= 0 && self.live >= 0 && self.cancelled >= 0 && self.returned >= 0
    }

    package mutating func merge(_ other: QuotaCounters) {
        self.granted = max(self.granted, other.granted)
        self.allocated = max(self.allocated, other.allocated)
        self.returned = max(self.returned, other.returned)
        self.sold = max(self.sold, other.sold)
        self.cancelled = max(self.cancelled, other.cancelled)
    }
}

/// A position in a unit's ledger, and the digest of all entries up to it: a hash chain. A ledger that was set back,
/// even to equal length, has another digest than the one that the center saw.
package struct LedgerHead: Hashable, Sendable, Codable {
    package let position: UInt64
    package let digest: ChainDigest
    package init(position: UInt64, digest: ChainDigest) {
        self.position = position
        self.digest = digest
    }
    package static let empty = LedgerHead(position: 0, digest: ChainDigest(high: 0, low: 0))
}

/// 128 bits of the hash chain over a ledger.
package struct ChainDigest: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64
    package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
    package var description: String { Hex.text(self.high) + Hex.text(self.low) }
}

extension ChainDigest: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let (high, low) = Hex.pair(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a digest has 32 hexadecimal digits"))
        }
        self.init(high: high, low: low)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}
