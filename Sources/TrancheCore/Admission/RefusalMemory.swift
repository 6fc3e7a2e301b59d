/// The order ids that were refused as sold out, so that a repeated request gets the same answer (I5) at no cost on
/// disk.
///
/// A refusal costs 8 bytes of memory. When the memory is full, or lost by a restart, the **cut** moves to that
/// moment: every token made before it and not yet used is refused from then on. The ledger remembers only that a lot
/// was ever sold out, once per incarnation, before the first such answer leaves. A buyer with an unused token from
/// before the cut needs a new one, even if that buyer was never refused.
package struct RefusalMemory: Sendable {
    /// Tokens made by a clock ahead of ours by up to this much are still caught by a cut, in milliseconds.
    package static let clockSlackMilliseconds: Int64 = 1_000

    private var slots: [UInt64]
    private var count = 0
    private let limit: Int
    package private(set) var cut: Instant

    /// - Parameters:
    ///   - limit: Refusals remembered at most.
    ///   - cut: Tokens made before this moment are refused; `.distantPast` for none.
    package init(limit: Int = Limits.rememberedRefusals, cut: Instant = .distantPast) {
        precondition(limit > 0, "a memory of \(limit) refusals")
        self.limit = limit
        self.cut = cut
        self.slots = []
    }

    package func refuses(_ order: OrderID, issuedAt: Instant) -> Bool {
        if issuedAt < self.cut { return true }
        guard !self.slots.isEmpty else { return false }
        return self.slots[self.slot(of: order)] != 0
    }

    package mutating func remember(_ order: OrderID, now: Instant) {
        if self.count >= self.limit {
            self.cut = now.advanced(milliseconds: Self.clockSlackMilliseconds)
            self.count = 0
            self.slots = []
        }
        self.growIfNeeded()
        let slot = self.slot(of: order)
        if self.slots[slot] == 0 {
            self.slots[slot] = self.mark(order)
            self.count += 1
        }
    }

    /// Order ids are random, so their bits are their hash; 0 marks a free slot.
    private func mark(_ order: OrderID) -> UInt64 { max(1, order.high ^ order.low) }

    private func slot(of order: OrderID) -> Int {
        let mark = self.mark(order)
        var slot = Int(truncatingIfNeeded: mark) & (self.slots.count - 1)
        while self.slots[slot] != 0, self.slots[slot] != mark { slot = (slot + 1) & (self.slots.count - 1) }
        return slot
    }

    private mutating func growIfNeeded() {
        guard (self.count + 1) * 2 > self.slots.count else { return }
        let old = self.slots
        self.slots = Array(repeating: 0, count: max(64, old.count * 2))
        for mark in old where mark != 0 {
            var slot = Int(truncatingIfNeeded: mark) & (self.slots.count - 1)
            while self.slots[slot] != 0 { slot = (slot + 1) & (self.slots.count - 1) }
            self.slots[slot] = mark
        }
    }
}
