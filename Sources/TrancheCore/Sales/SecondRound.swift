/// When the items that a settled sale left unsold become the stock of another sale: its second round.
///
/// They are carried when all of them are in the pool, and no account may hold one that is not sold. So the record has
/// everything that was left, and never more than that.
package enum SecondRound {
    package enum Refusal: Error, Hashable, Sendable {
        /// Before the settlement nobody knows what is unsold.
        case notSettled(SaleState)
        /// An operator has to settle what the unit held.
        case stranded(UnitID, LotID, Generation, quantity: Int)
        /// The unit may hold unsold items, and does not report.
        case silent(UnitID, LotID, held: Int)
        /// The unit's report does not name the lot.
        case untold(UnitID, LotID)
        /// The unit holds unsold items: ``QuotaAuthority/reclaimUnsold(_:)`` asks for them.
        case unreturned(UnitID, LotID, quantity: Int)
        case nothingLeft
        /// The lot that was to get the items has stock that does not come from there.
        case ownStock(LotID, issued: Int)
        /// The lot that was to get the items would have more than a lot may have.
        case tooMany(LotID, quantity: Int, limit: Int)
    }

    /// A lot of the settled sale, and the lot that gets its items.
    package struct Pair: Hashable, Sendable {
        package let from: LotID
        package let to: LotID
        package init(from: LotID, to: LotID) { (self.from, self.to) = (from, to) }
    }

    /// Judges every account of every lot, those of earlier generations and of removed units included. A settled account has
    /// only what was counted as sold: if that is corrected later, the pool gets more, and it can be carried then.
    ///
    /// - Parameters:
    ///   - lots: Of the settled sale.
    ///   - now: By the clock of the authority's reports.
    package static func check(
        _ state: SaleState, _ lots: [LotID], _ authority: QuotaAuthority, now: Instant
    ) throws(Refusal) {
        guard state == .settled else { throw .notSettled(state) }
        for lot in lots {
            for account in authority.book.lots[lot]?.accounts ?? [] {
                switch account.status {
                case .stranded:
                    throw .stranded(account.unit, lot, account.generation, quantity: account.outstanding)
                case .settled: continue
                case .active: try self.checkActive(account, of: lot, authority, now: now)
                }
            }
        }
    }

    private static func checkActive(
        _ account: AuthorityBook.Account, of lot: LotID, _ authority: QuotaAuthority, now: Instant
    ) throws(Refusal) {
        guard account.outstanding > 0 else { return }
        let isSilent = authority.fresh(account.unit, now: now) == nil
        // After the settlement nothing is sold any more, and nothing expires: the last report of a unit stays true.
        guard let seen = authority.seen[account.unit], seen.report.generation == account.generation else {
            throw .silent(account.unit, lot, held: account.outstanding)
        }
        guard let told = seen.told(lot) else { throw .untold(account.unit, lot) }
        let unsold = account.outstanding - told.counters.live
        guard unsold > 0 else { return }
        throw isSilent
            ? .silent(account.unit, lot, held: unsold) : .unreturned(account.unit, lot, quantity: unsold)
    }
}

extension QuotaAuthority {
    /// What a settled lot left unsold: in its pool, and in units that have not returned it yet, by their last reports.
    package func unsold(_ lot: LotID) -> (pool: Int, unreturned: Int) {
        guard let state = self.book.lots[lot] else { return (0, 0) }
        let unreturned = state.accounts.reduce(0) { sum, account in
            guard account.status == .active, let seen = self.seen[account.unit],
                seen.report.generation == account.generation, let told = seen.told(lot)
            else { return sum }
            return sum + max(0, account.outstanding - told.counters.live)
        }
        return (state.pool, unreturned)
    }

    /// Asks all units for what they hold unsold of settled lots.
    ///
    /// - Returns: The units, in order: tell them at once.
    package mutating func reclaimUnsold(_ lots: [LotID]) -> [UnitID] {
        var asked: Set<UnitID> = []
        for lot in lots {
            for account in self.book.lots[lot]?.accounts ?? []
            where account.status == .active && account.outstanding > 0 {
                // Never refused: the lot and the unit are in the book.
                try? self.reclaim(lot, from: account.unit, keep: 0)
                asked.insert(account.unit)
            }
        }
        return asked.sorted()
    }

    /// Takes all that is in the pools of settled lots into other lots, in one record. ``SecondRound/check(_:_:_:now:)`` comes
    /// before, with nothing in between.
    ///
    /// - Returns: The carried items. Without any there is no record: a repetition carries nothing more.
    /// - Throws: `nothingLeft` if the other lots have nothing either: another second round was faster.
    package mutating func carry(
        _ pairs: [SecondRound.Pair], into records: inout [AuthorityRecord]
    ) throws(SecondRound.Refusal) -> Int {
        var carries: [Carry] = []
        for pair in pairs {
            let (left, target) = (self.book.lots[pair.from]?.pool ?? 0, self.book.lots[pair.to])
            guard left > 0, !carries.contains(where: { $0.from == pair.from }) else { continue }
            guard target == nil || target?.origin?.from == pair.from else {
                throw .ownStock(pair.to, issued: target?.issued ?? 0)
            }
            let limit = Limits.stockPerLot - (target?.issued ?? 0)
            guard left <= limit else { throw .tooMany(pair.to, quantity: left, limit: limit) }
            carries.append(Carry(from: pair.from, to: pair.to, quantity: left))
        }
        guard !carries.isEmpty else {
            guard pairs.contains(where: { self.book.lots[$0.to] != nil }) else { throw .nothingLeft }
            return 0
        }
        self.append(.carried(carries), into: &records)
        return carries.reduce(0) { $0 + $1.quantity }
    }
}
