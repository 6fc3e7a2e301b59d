/// A hash of a name with a secret key: nobody who does not know the key can choose names with equal hashes.
///
/// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012). `Hasher` of the standard
/// library gives other hashes in each process; these are the same in every process with the key.
package struct SipHash: Hashable, Sendable {
    private let key0: UInt64
    private let key1: UInt64

    package init(key: (UInt64, UInt64)) { (self.key0, self.key1) = key }

    package func hash(_ buyer: BuyerID) -> UInt64 { self.hash(buyer.rawValue.utf8) }

    package func hash(_ address: NetworkAddress) -> UInt64 {
        self.hash(UInt64(truncatingIfNeeded: address.rawValue >> 64), UInt64(truncatingIfNeeded: address.rawValue))
    }

    package func hash(_ bytes: some Collection<UInt8>) -> UInt64 {
        var state = State(key0: self.key0, key1: self.key1)
        var word: UInt64 = 0
        var count = 0
        for byte in bytes {
            word |= UInt64(byte) << UInt64(8 * (count & 7))
            count += 1
            if count & 7 == 0 {
                state.absorb(word)
                word = 0
            }
        }
        state.absorb(word | UInt64(truncatingIfNeeded: count) << 56)
        return state.finish()
    }

    /// The same hash, read in whole words: for texts on the hot path.
    package func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = State(key0: self.key0, key1: self.key1)
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) {
            state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        var word = UInt64(truncatingIfNeeded: bytes.count) << 56
        for offset in whole..<bytes.count { word |= UInt64(bytes[offset]) << UInt64(8 * (offset & 7)) }
        state.absorb(word)
        return state.finish()
    }

    /// The hash of two words, for example of two hashes.
    package func hash(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var state = State(key0: self.key0, key1: self.key1)
        state.absorb(first)
        state.absorb(second)
        state.absorb(16 << 56)
        return state.finish()
    }

    private struct State {
        private var a: UInt64
        private var b: UInt64
        private var c: UInt64
        private var d: UInt64

        init(key0: UInt64, key1: UInt64) {
            self.a = key0 ^ 0x736f_6d65_7073_6575
            self.b = key1 ^ 0x646f_7261_6e64_6f6d
            self.c = key0 ^ 0x6c79_6765_6e65_7261
            self.d = key1 ^ 0x7465_6462_7974_6573
        }

        mutating func absorb(_ word: UInt64) {
            self.d ^= word
            for _ in 0..<2 { self.round() }
            self.a ^= word
        }

        mutating func finish() -> UInt64 {
            self.c ^= 0xff
            for _ in 0..<4 { self.round() }
            return self.a ^ self.b ^ self.c ^ self.d
        }

        private mutating func round() {
            self.a &+= self.b
            self.b = Self.rotated(self.b, 13) ^ self.a
            self.a = Self.rotated(self.a, 32)
            self.c &+= self.d
            self.d = Self.rotated(self.d, 16) ^ self.c
            self.a &+= self.d
            self.d = Self.rotated(self.d, 21) ^ self.a
            self.c &+= self.b
            self.b = Self.rotated(self.b, 17) ^ self.c
            self.c = Self.rotated(self.c, 32)
        }

        private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
    }
}
