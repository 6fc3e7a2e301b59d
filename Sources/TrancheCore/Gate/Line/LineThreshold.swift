/// The last rank that may go on. It only rises: whoever may go on once may go on for ever.
///
/// So copies of it merge by the maximum, and an old copy at a gate refuses a buyer for a moment, but never lets one pass
/// before their turn.
package struct LineThreshold: Hashable, Sendable, Codable {
    package private(set) var rank: EntryRank

    package init(_ rank: EntryRank = .nobody) { self.rank = rank }

    package func admits(_ rank: EntryRank) -> Bool { rank <= self.rank }

    package mutating func merge(_ other: LineThreshold) { self.rank = max(self.rank, other.rank) }

    package init(from decoder: any Decoder) throws { self.rank = try EntryRank(from: decoder) }
    package func encode(to encoder: any Encoder) throws { try self.rank.encode(to: encoder) }
}
