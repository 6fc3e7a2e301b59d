import TrancheCore

/// FNV-1a: a fingerprint of a run, which shows that the same seed repeats it.
package struct Digest: Sendable {
    package private(set) var value: UInt64
    package init(start: UInt64 = 0) { self.value = start ^ 0xcbf2_9ce4_8422_2325 }
    package mutating func mix(_ text: String) {
        for byte in text.utf8 { self.value = (self.value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    package mutating func mix(_ number: Int64) { self.mix(UInt64(bitPattern: number)) }
    package mutating func mix(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x100_0000_01b3
        self.value ^= self.value >> 29
    }

    mutating func mix(_ entry: LedgerEntry) {
        switch entry {
        case .opened(let incarnation): self.mix([1, incarnation.rawValue])
        case .generation(let generation): self.mix([2, UInt64(generation.rawValue)])
        case .granted(let lot, let total): self.mix([3, UInt64(lot.rawValue), UInt64(total)])
        case .returned(let lot, let total): self.mix([4, UInt64(lot.rawValue), UInt64(total)])
        case .reserved(let order): self.mix([5, order.id.high, order.id.low, order.stamp.rawValue])
        case .confirmed(let order, _): self.mix([6, order.id.high, order.id.low])
        case .released(let order, let state): self.mix([7, order.id.high, order.id.low, UInt64(state.rawValue)])
        case .refused(let order, _, _): self.mix([8, order.high, order.low])
        case .refundDue(let refund): self.mix([9, refund.order.high, refund.order.low])
        case .nonce(let nonce): self.mix([10, nonce])
        case .soldOut(let lot): self.mix([11, UInt64(lot.rawValue)])
        case .ceiling(let stamp): self.mix([12, stamp.rawValue])
        case .contended(let lot): self.mix([13, UInt64(lot.rawValue)])
        case .contested(let order, _): self.mix([14, order.id.high, order.id.low, order.stamp.rawValue])
        case .allocated(let order, _): self.mix([15, order.id.high, order.id.low, UInt64(order.state.rawValue)])
        case .lost(let order): self.mix([16, order.id.high, order.id.low, UInt64(order.state.rawValue)])
        case .ceilingReset(let stamp): self.mix([17, stamp.rawValue])
        case .redis(let run): self.mix([18, run.rawValue])
        case .archived(let archived): self.mix([19, UInt64(archived.lot.rawValue), archived.digest.high])
        case .branched(let lot, let branch): self.mix([20, UInt64(lot.rawValue), UInt64(branch.unit.rawValue)])
        case .received(let order, let payment, let paid):
            self.mix([21, order.high, order.low, UInt64(payment.amount.minor), UInt64(paid)])
        case .refunded(let key): self.mix([22, key.order.high, key.order.low, UInt64(key.number)])
        case .revived(let order, _): self.mix([23, order.id.high, order.id.low])
        case .doubt(let order, let isOpen): self.mix([24, order.high, order.low, isOpen ? 1 : 0])
        }
    }

    private mutating func mix(_ words: [UInt64]) { for word in words { self.mix(word) } }
}
