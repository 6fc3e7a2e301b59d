import TrancheCore

// The parts of a lot, by the authority's book and by what units told it.

extension QuotaAuthority {
    func isCurrent(_ account: AuthorityBook.Account) -> Bool {
        self.book.units[account.unit]?.generation == account.generation
    }

    /// What a unit told of an account; `nil` if it told nothing, or the account is one of an earlier generation.
    func told(_ lot: LotID, _ account: AuthorityBook.Account) -> UnitReport.Lot? {
        self.isCurrent(account) ? self.seen[account.unit]?.told(lot) : nil
    }
}

extension StockParts {
    /// The parts of a whole lot.
    init(_ id: LotID, _ lot: AuthorityBook.Lot, _ authority: QuotaAuthority) {
        self.init()
        self.pool = max(0, lot.pool)
        self.carried = max(0, lot.carried ?? 0)
        for account in lot.accounts { self += StockParts(account, of: id, lot, authority) }
    }

    init(
        _ account: AuthorityBook.Account, of id: LotID, _ lot: AuthorityBook.Lot, _ authority: QuotaAuthority
    ) {
        self.init(
            status: account.status, outstanding: account.outstanding,
            told: authority.told(id, account).map { ($0.counters.live, $0.paid) }, isContested: lot.contest != nil)
    }
}
