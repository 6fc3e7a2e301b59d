/// A hybrid-logical-clock time: 52 bits of microseconds, 12 bits of counter. Integer order is time order.
///
/// Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014. In JSON it is a string, because
/// JSON numbers lose precision above 2^53. The id `<microseconds>-<counter>` of a Redis stream entry is a stamp.
package struct Stamp: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let counterBits: UInt64 = 12
    package static let counterMask: UInt64 = (1 << counterBits) - 1
    package static let zero = Stamp(rawValue: 0)

    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The last moment with stamps. A later one would lose its highest bits and sort first.
    static let lastMicroseconds = Int64(UInt64.max >> counterBits)

    /// The first stamp of a moment.
    package init(_ instant: Instant) {
        let microseconds = min(max(0, instant.microseconds), Stamp.lastMicroseconds)
        self.rawValue = UInt64(microseconds) << Stamp.counterBits
    }

    package var instant: Instant { Instant(microseconds: Int64(self.rawValue >> Stamp.counterBits)) }
    package var counter: UInt64 { self.rawValue & Stamp.counterMask }
    /// The next stamp. The last one is its own next, so that a wrong clock does not stop the process.
    package var next: Stamp { Stamp(rawValue: self.rawValue == UInt64.max ? self.rawValue : self.rawValue + 1) }
    package static func < (left: Stamp, right: Stamp) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(self.rawValue >> Stamp.counterBits)-\(self.counter)" }
}

extension Stamp: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = UInt64(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a stamp is a decimal number in a string"))
        }
        self.init(rawValue: value)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(self.rawValue))
    }
}
