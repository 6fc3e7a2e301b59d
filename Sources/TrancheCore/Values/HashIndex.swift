/// Finds indexes in a list by hash: open addressing, 4 bytes a slot, at most half of them taken. Elements are never
/// removed.
///
/// The low bits of a slot hold the index, and the others a part of the hash. The hash bits avoid reads of wrong
/// elements, each of which is a cache miss.
package struct HashIndex: Sendable {
    /// 0 for a free slot.
    @usableFromInline package private(set) var slots: [UInt32] = []
    private var count = 0

    package init() {}

    /// The finalizer of MurmurHash3: every bit of the result depends on every bit of the value.
    @inlinable package static func mix(_ value: UInt64) -> UInt64 {
        var hash = value
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }

    @inlinable package func find(hash: UInt64, _ isWanted: (Int) -> Bool) -> Int? {
        guard !self.slots.isEmpty else { return nil }
        return self.slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            let part = Self.part(hash, mask)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 {
                if slots[slot] & ~UInt32(truncatingIfNeeded: mask) == part {
                    let index = Int(slots[slot]) & mask - 1
                    if isWanted(index) { return index }
                }
                slot = (slot + 1) & mask
            }
            return nil
        }
    }

    /// - Parameters:
    ///   - index: The next one: indexes count from 0, without gaps.
    ///   - hashOf: The hash of the element at an index.
    package mutating func insert(_ index: Int, hash: UInt64, hashOf: (Int) -> UInt64) {
        precondition(index == self.count && index < Int(Int32.max), "index \(index) is not \(self.count), or too high")
        if (self.count + 1) * 2 > self.slots.count { self.grow(hashOf) }
        self.count += 1
        self.put(index, hash)
    }

    private mutating func put(_ index: Int, _ hash: UInt64) {
        self.slots.withUnsafeMutableBufferPointer { slots in
            let mask = slots.count - 1
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = Self.part(hash, mask) | UInt32(index + 1)
        }
    }

    /// The bits of the hash beside the slot number, where the index leaves room for them.
    @usableFromInline package static func part(_ hash: UInt64, _ mask: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: hash >> 32) & ~UInt32(truncatingIfNeeded: mask)
    }

    private mutating func grow(_ hashOf: (Int) -> UInt64) {
        self.slots = [UInt32](repeating: 0, count: Swift.max(16, self.slots.count * 2))
        for index in 0..<self.count { self.put(index, hashOf(index)) }
    }
}
