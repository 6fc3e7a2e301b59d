/// Makes postings of the authority log: how the items of a sale came into being, and went between pool and units.
///
/// It counts with arithmetic of its own, and not with the authority's book: an export is compared with that.
package struct LogPostings: Sendable {
    private struct Key: Hashable { let lot: LotID; let unit: UnitID; let generation: Generation }
    private struct Account {
        var granted = 0, allocated = 0, returned = 0
        var isStranded = false, isSettled = false
        var outstanding: Int { self.granted + self.allocated - self.returned }
    }
    private let lots: Set<LotID>
    private var accounts: [Key: Account] = [:]
    /// Orders of contests with a place and without a verdict.
    private var line: [OrderID: ContestBatch.Entrant] = [:]
    private var number = 0

    /// - Parameter lots: The lots of the sale.
    package init(lots: Set<LotID>) { self.lots = lots }

    /// Takes the next record of the log in. Records of other sales have a number, and no posting.
    package mutating func take(_ record: AuthorityRecord, into postings: inout [Posting]) {
        self.number += 1
        switch record {
        case .issued(let lot, let quantity):
            self.addPosting(.issued, lot, .issued, .pool, quantity, into: &postings)
        case .granted(let lot, let unit, let generation, let total):
            let key = Key(lot: lot, unit: unit, generation: generation)
            let gain = total - (self.accounts[key]?.granted ?? 0)
            guard self.addPosting(.granted, lot, .pool, .quota(unit, generation), gain, into: &postings) else { return }
            self.accounts[key, default: Account()].granted = total
        case .returned(let lot, let unit, let generation, let total):
            let key = Key(lot: lot, unit: unit, generation: generation)
            let gain = total - (self.accounts[key]?.returned ?? 0)
            guard self.addPosting(.returned, lot, .quota(unit, generation), .pool, gain, into: &postings) else {
                return
            }
            self.accounts[key, default: Account()].returned = total
        case .settled(let lot, let unit, let generation, let sold, _):
            self.settle(Key(lot: lot, unit: unit, generation: generation), sold, into: &postings)
        case .stranded(let unit, let generation, _, _): self.mark(unit, generation, isStranded: true)
        case .reinstated(let unit, let generation): self.mark(unit, generation, isStranded: false)
        case .contest(let lot, let batch): if self.lots.contains(lot) { self.take(batch, lot, into: &postings) }
        case .carried(let carries):
            for carry in carries {
                self.addPosting(.carried, carry.from, .pool, .carried, carry.quantity, into: &postings)
                // In the other sale's books they come into being, by the same record.
                self.addPosting(.carried, carry.to, .issued, .pool, carry.quantity, into: &postings)
            }
        case .epoch, .coordinatorEpoch, .registered, .frozen, .contended, .drained, .branched: return
        }
    }

    /// Says where the rest of unreliable accounts is, after the log and all ledgers were taken in.
    ///
    /// - Parameter totals: Of all postings so far.
    package func end(_ totals: PostingTotals, into postings: inout [Posting]) {
        let keys = self.accounts.keys.sorted {
            ($0.lot, $0.unit, $0.generation) < ($1.lot, $1.unit, $1.generation)
        }
        for key in keys {
            let account = self.accounts[key]!
            let quota = PostingAccount.quota(key.unit, key.generation)
            let rest = totals.balance(key.lot, quota)
            guard rest != 0, account.isStranded || account.isSettled else { continue }
            let target: PostingAccount =
                account.isStranded
                ? .stranded(key.unit, key.generation) : .settled(key.unit, key.generation)
            postings.append(
                Posting(
                    account.isStranded ? .stranded : .settled, lot: key.lot, from: rest > 0 ? quota : target,
                    to: rest > 0 ? target : quota, quantity: abs(rest), source: .end))
        }
    }

    /// - Returns: Whether there was something to add: totals never fall.
    @discardableResult
    private func addPosting(
        _ kind: Posting.Kind, _ lot: LotID, _ from: PostingAccount, _ to: PostingAccount, _ quantity: Int,
        order: OrderID? = nil, into postings: inout [Posting]
    ) -> Bool {
        guard quantity > 0, self.lots.contains(lot) else { return false }
        postings.append(
            Posting(kind, lot: lot, from: from, to: to, quantity: quantity, source: .record(self.number), order: order))
        return true
    }

    /// Of the account, `sold` items stay; the rest goes back. A later settlement can only lower the count.
    private mutating func settle(_ key: Key, _ sold: Int, into postings: inout [Posting]) {
        guard self.lots.contains(key.lot) else { return }
        let back = (self.accounts[key]?.outstanding ?? 0) - sold
        let quota = PostingAccount.quota(key.unit, key.generation)
        if self.addPosting(.settled, key.lot, quota, .pool, back, into: &postings) {
            self.accounts[key, default: Account()].returned += back
        }
        self.accounts[key, default: Account()].isStranded = false
        self.accounts[key, default: Account()].isSettled = true
    }

    private mutating func mark(_ unit: UnitID, _ generation: Generation, isStranded: Bool) {
        for (key, account) in self.accounts
        where key.unit == unit && key.generation == generation && !account.isSettled {
            self.accounts[key]?.isStranded = isStranded
        }
    }

    private mutating func take(_ batch: ContestBatch, _ lot: LotID, into postings: inout [Posting]) {
        for entrant in batch.passed { self.line[entrant.order] = entrant }
        for order in batch.allocated {
            guard let entrant = self.line.removeValue(forKey: order) else { continue }
            self.addPosting(
                .allocated, lot, .pool, .quota(entrant.unit, entrant.generation), entrant.quantity, order: order,
                into: &postings)
            let key = Key(lot: lot, unit: entrant.unit, generation: entrant.generation)
            self.accounts[key, default: Account()].allocated += entrant.quantity
        }
        for order in batch.released { self.line[order] = nil }
    }
}
