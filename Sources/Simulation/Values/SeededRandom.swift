/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, fast, and the same on every machine.
///
/// The draws below do not use the standard library's algorithms, which may change with the toolchain.
package struct SeededRandom: Sendable {
    private var state: UInt64
    package init(seed: UInt64) { self.state = seed }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number in `range`; the bias of the remainder is too small to matter in a simulation.
    package mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(self.next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    package mutating func happens(permille: Int) -> Bool { self.number(1...1_000) <= permille }

    /// An index, drawn by weight.
    package mutating func index(weights: [Int]) -> Int {
        var left = self.number(1...weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            left -= weight
            if left <= 0 { return index }
        }
        return weights.count - 1
    }

    /// An exponentially distributed value with mean 1: the pauses of a Poisson process.
    ///
    /// It compares uniform numbers only (von Neumann, 1951), because the core has no logarithm and the libraries of
    /// platforms round it differently.
    mutating func exponential() -> Double {
        var whole = 0.0
        while true {
            let first = self.unit()
            var last = first
            var count = 1
            while true {
                let next = self.unit()
                if next >= last { break }
                last = next
                count += 1
            }
            if count % 2 == 1 { return whole + first }
            whole += 1
        }
    }

    private mutating func unit() -> Double { Double(self.next() >> 11) / Double(1 << 53) }
}
