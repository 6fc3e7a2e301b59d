/// The verdicts for one unit, in order, in 21 bytes each.
///
/// The center has all of them, because a unit that restarts asks from the first one on. A leader has those since it
/// began, and fetches earlier ones when a unit asks for them (``ContestMerge/missing(_:heard:)``).
///
/// Full pieces never change, so that a copy is cheap and a snapshot writes only what is new.
package struct VerdictList: Hashable, Sendable {
    /// The order's two halves, the kind, and the generation: little-endian, as on the wire and on disk.
    package static let bytesPerVerdict = 21
    package static let verdictsPerPiece = 4_096
    private static let verdictsAtFirst = 64

    /// Verdicts before the first one of this list.
    package private(set) var first: Int
    /// Verdicts that there have ever been.
    package private(set) var count: Int
    /// All but the last one are full.
    package private(set) var pieces: [[UInt8]] = []

    /// - Parameter first: Verdicts that the list does not have.
    package init(first: Int = 0) { (self.first, self.count) = (first, first) }

    /// - Returns: `nil` if the pieces are not those of a list: all full, but the last one.
    package init?(pieces: [[UInt8]]) {
        let full = Self.verdictsPerPiece * Self.bytesPerVerdict
        guard pieces.dropLast().allSatisfy({ $0.count == full }),
            pieces.last.map({ (1...full).contains($0.count) && $0.count % Self.bytesPerVerdict == 0 }) ?? true
        else { return nil }
        self.init()
        self.pieces = pieces
        self.count = pieces.reduce(0) { $0 + $1.count } / Self.bytesPerVerdict
        guard (0..<self.count).allSatisfy({ self.kind($0) != nil }) else { return nil }
    }

    package mutating func append(_ verdict: Verdict) {
        let place = self.count - self.first
        if place % Self.verdictsPerPiece == 0 {
            self.pieces.append([])
            // The first piece grows on demand, so that a small contest stays small.
            let room = place > 0 ? Self.verdictsPerPiece : Self.verdictsAtFirst
            self.pieces[self.pieces.count - 1].reserveCapacity(room * Self.bytesPerVerdict)
        }
        let last = self.pieces.count - 1
        for half in [verdict.order.high, verdict.order.low] {
            withUnsafeBytes(of: half.littleEndian) { self.pieces[last].append(contentsOf: $0) }
        }
        self.pieces[last].append(verdict.kind.rawValue)
        withUnsafeBytes(of: verdict.generation.rawValue.littleEndian) {
            self.pieces[last].append(contentsOf: $0)
        }
        self.count += 1
    }

    /// The verdicts of `range`, as far as they are in the list.
    package subscript(range: Range<Int>) -> [Verdict] { range.clamped(to: self.first..<self.count).map(self.verdict) }

    /// Forgets the oldest verdicts, a piece at a time, until at most `limit` and a piece are left.
    package mutating func keep(_ limit: Int) {
        while self.count - self.first > limit + Self.verdictsPerPiece, self.pieces.count > 1 {
            self.pieces.removeFirst()
            self.first += Self.verdictsPerPiece
        }
    }

    private func kind(_ number: Int) -> Verdict.Kind? {
        let place = number - self.first
        let piece = self.pieces[place / Self.verdictsPerPiece]
        return Verdict.Kind(rawValue: piece[place % Self.verdictsPerPiece * Self.bytesPerVerdict + 16])
    }

    private func verdict(_ number: Int) -> Verdict {
        let place = number - self.first
        return self.pieces[place / Self.verdictsPerPiece].withUnsafeBytes { bytes in
            var reader = ByteReader(bytes, at: place % Self.verdictsPerPiece * Self.bytesPerVerdict)
            guard let high = reader.little(UInt64.self), let low = reader.little(UInt64.self),
                let kind = reader.byte().flatMap(Verdict.Kind.init(rawValue:)),
                let generation = reader.little(UInt32.self)
            else { preconditionFailure("verdict \(number) of \(self.first)..<\(self.count) cannot be read") }
            return Verdict(order: OrderID(high: high, low: low), kind: kind, generation: Generation(generation))
        }
    }
}
