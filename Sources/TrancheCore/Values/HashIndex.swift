/// Finds places in some list by hash: open addressing, 4 bytes a slot, at most half of them taken, because each slot
/// that is looked at costs a look at the list. What is listed is never removed.
struct HashIndex: Sendable {
    /// The place in the list and 1; 0 for a free slot.
    private var slots: [UInt32] = []
    private var count = 0

    /// The finalizer of MurmurHash3: every bit of the result depends on every bit of the value.
    static func mix(_ value: UInt64) -> UInt64 {
        var hash = value
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }

    func find(hash: UInt64, _ isWanted: (Int) -> Bool) -> Int? {
        guard !self.slots.isEmpty else { return nil }
        return self.slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 {
                let place = Int(slots[slot] - 1)
                if isWanted(place) { return place }
                slot = (slot + 1) & mask
            }
            return nil
        }
    }

    /// - Parameter hashOf: The hash of whatever is at a place already.
    mutating func insert(_ place: Int, hash: UInt64, hashOf: (Int) -> UInt64) {
        if (self.count + 1) * 2 > self.slots.count { self.grow(hashOf) }
        self.count += 1
        self.put(UInt32(place + 1), hash)
    }

    private mutating func put(_ mark: UInt32, _ hash: UInt64) {
        self.slots.withUnsafeMutableBufferPointer { slots in
            let mask = slots.count - 1
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = mark
        }
    }

    private mutating func grow(_ hashOf: (Int) -> UInt64) {
        let old = self.slots
        self.slots = [UInt32](repeating: 0, count: Swift.max(16, old.count * 2))
        for mark in old where mark != 0 { self.put(mark, hashOf(Int(mark - 1))) }
    }
}
