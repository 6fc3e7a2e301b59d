/// Keeps the deletion of a draft and carries into it apart: while a deletion asks whether the log has items of the draft and
/// then takes it out of the configuration, none may come.
package struct DraftUse: Hashable, Sendable {
    /// Carries that run now, by the sale that gets the items.
    private var carries: [String: Int] = [:]
    private var deletions: Set<String> = []

    package init() {}

    /// - Returns: `false`: the sale is being deleted, and nothing has begun.
    package mutating func beginCarry(to sale: String) -> Bool {
        guard !self.deletions.contains(sale) else { return false }
        self.carries[sale, default: 0] += 1
        return true
    }

    package mutating func endCarry(to sale: String) {
        let left = (self.carries[sale] ?? 0) - 1
        self.carries[sale] = left > 0 ? left : nil
    }

    /// - Returns: `false`: the sale gets items, or is being deleted by another call, and nothing has begun.
    package mutating func beginDeletion(of sale: String) -> Bool {
        guard self.carries[sale] == nil else { return false }
        return self.deletions.insert(sale).inserted
    }

    package mutating func endDeletion(of sale: String) { self.deletions.remove(sale) }
}
