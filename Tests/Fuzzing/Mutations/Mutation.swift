/// Makes inputs for ``FuzzTarget`` from its seeds: the same ones in each run.
///
/// It knows nothing of the code that reads them, as a fuzzer does that counts its branches (`ops/fuzz`). It is for
/// every run of the tests, which has no second build.
struct Mutation {
    private let seeds: [[UInt8]]
    private var state: UInt64
    /// Bytes at which readers decide.
    private static let edges: [UInt8] = [
        0, 1, 0x0A, 0x0D, 0x20, 0x22, 0x2C, 0x2E, 0x3A, 0x7B, 0x7D, 0x7F, 0x80, 0xFE, 0xFF,
    ]
    static let longest = 4_096

    init(seeds: [[UInt8]], state: UInt64) { (self.seeds, self.state) = (seeds, state) }

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    private mutating func number() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    private mutating func below(_ limit: Int) -> Int { Int(self.number() % UInt64(max(1, limit))) }

    /// One seed with one to eight changes.
    mutating func next() -> [UInt8] {
        var bytes = self.seeds.isEmpty ? [] : self.seeds[self.below(self.seeds.count)]
        for _ in 0...self.below(8) { self.change(&bytes) }
        return Array(bytes.prefix(Self.longest))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = self.below(bytes.count)
        switch self.below(7) {
        case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(self.below(8))
        case 1 where !bytes.isEmpty: bytes[place] = Self.edges[self.below(Self.edges.count)]
        case 2 where !bytes.isEmpty: bytes.removeSubrange(place..<min(bytes.count, place + 1 + self.below(8)))
        case 3 where !bytes.isEmpty:
            // A part twice: repeated fields, longer lists.
            let part = bytes[place..<min(bytes.count, place + 1 + self.below(32))]
            bytes.insert(contentsOf: Array(part), at: self.below(bytes.count + 1))
        case 4 where !bytes.isEmpty: bytes.removeLast(bytes.count - place)
        case 5 where !self.seeds.isEmpty:
            let other = self.seeds[self.below(self.seeds.count)]
            bytes.replaceSubrange(place..., with: other.dropFirst(self.below(other.count)))
        default:
            let added = (0...self.below(8)).map { _ in UInt8(truncatingIfNeeded: self.number()) }
            bytes.insert(contentsOf: added, at: self.below(bytes.count + 1))
        }
    }
}
