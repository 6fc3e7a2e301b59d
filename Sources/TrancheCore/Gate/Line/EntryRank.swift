/// The position of an entry in the line of its lot: lower ranks are first.
///
/// Drawn ranks have the top bit 0, and ranks of arrivals have it 1. So everybody who was drawn is before everybody who
/// came later, and one comparison with the threshold decides about both. The text has 16 lower-case hexadecimal digits,
/// so that comparing texts gives the same order in every language.
package struct EntryRank: RawRepresentable, Hashable, Comparable, Sendable {
    private static let arrivalBit: UInt64 = 1 << 63

    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No entry has this rank: as a threshold it lets nobody pass.
    package static let nobody = EntryRank(rawValue: 0)
    /// As a threshold it lets everybody pass.
    package static let everybody = EntryRank(rawValue: .max)
    /// The last rank of those who are drawn.
    package static let lastDrawn = EntryRank(rawValue: EntryRank.arrivalBit - 1)

    /// The rank of a draw.
    ///
    /// - Parameter draw: 64 bits that are uniform over the buyers, for instance the first 8 bytes of an HMAC-SHA256 of
    ///   the buyer with the sale's seed. The draws 0 and 1 get the rank of 2 and 3, because rank 0 is ``nobody``.
    package init(draw: UInt64) { self.rawValue = max(1, draw >> 1) }

    /// The rank of an arrival: microseconds since 1970.
    package init(arrivedAt: Instant) {
        self.rawValue = EntryRank.arrivalBit | UInt64(max(0, arrivedAt.microseconds))
    }

    package var isDrawn: Bool { self.rawValue & EntryRank.arrivalBit == 0 }

    /// The moment of the arrival; `nil` for a draw.
    package var arrivedAt: Instant? {
        self.isDrawn ? nil : Instant(microseconds: Int64(self.rawValue & ~EntryRank.arrivalBit))
    }

    package static func < (left: EntryRank, right: EntryRank) -> Bool { left.rawValue < right.rawValue }
}

extension EntryRank: CustomStringConvertible {
    /// - Returns: `nil` if `text` is not 16 lower-case hexadecimal digits. Other forms would compare wrongly as texts.
    package init?(text: some StringProtocol) {
        guard text.utf8.count == 16 else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8 {
            guard !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte), let digit = Hex.value(byte) else {
                return nil
            }
            value = value << 4 | digit
        }
        self.rawValue = value
    }

    package var text: String { Hex.text(self.rawValue) }
    package var description: String { self.text }
}

extension EntryRank: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let rank = EntryRank(text: text) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "\"\(text)\" is not a rank: 16 lower-case hexadecimal digits"))
        }
        self = rank
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.text)
    }
}
