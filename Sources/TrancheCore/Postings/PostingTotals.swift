/// What all postings of an export add up to, by lot and account.
package struct PostingTotals: Hashable, Sendable {
    package struct Sums: Hashable, Sendable {
        /// What came into the account, and what left it.
        package var into = 0
        package var outOf = 0
        package var balance: Int { self.into - self.outOf }
    }
    private struct KindKey: Hashable { let kind: Posting.Kind; let unit: UnitID? }

    /// By lot first: a sale can have thousands of them, and each is asked for its own accounts.
    private var sums: [LotID: [PostingAccount: Sums]] = [:]
    private var kinds: [LotID: [KindKey: Int]] = [:]
    package private(set) var postings = 0

    package init() {}

    package mutating func add(_ posting: Posting) {
        self.add(posting.lot, from: posting.from, to: posting.to, posting.quantity)
        let key = KindKey(kind: posting.kind, unit: posting.from.unit ?? posting.to.unit)
        self.kinds[posting.lot, default: [:]][key, default: 0] += posting.quantity
    }

    /// Adds a posting of which only this is known: what a file says.
    package mutating func add(_ lot: LotID, from: PostingAccount, to: PostingAccount, _ quantity: Int) {
        self.postings += 1
        self.sums[lot, default: [:]][from, default: Sums()].outOf += quantity
        self.sums[lot, default: [:]][to, default: Sums()].into += quantity
    }

    package func balance(_ lot: LotID, _ account: PostingAccount) -> Int { self.sums[lot]?[account]?.balance ?? 0 }

    /// The quantity of all postings of one kind, of one unit or of all.
    package func quantity(_ lot: LotID, _ kind: Posting.Kind, unit: UnitID? = nil) -> Int {
        (self.kinds[lot] ?? [:]).reduce(0) { sum, one in
            one.key.kind == kind && (unit == nil || one.key.unit == unit) ? sum + one.value : sum
        }
    }

    /// All balances of a lot: nothing, if no posting was changed.
    package func sum(_ lot: LotID, _ measure: PostingMeasure) -> Int {
        self.accounts(of: lot).reduce(0) { $1.key.measure == measure ? $0 + $1.value.balance : $0 }
    }

    package var lots: [LotID] { self.sums.keys.sorted() }

    /// Units with an account of the lot.
    package func units(_ lot: LotID) -> [UnitID] { Set(self.accounts(of: lot).keys.compactMap(\.unit)).sorted() }

    /// The accounts of one lot, in no order.
    func accounts(of lot: LotID) -> [PostingAccount: Sums] { self.sums[lot] ?? [:] }

    /// Every account with what went in and out, in order of lot and account.
    package var accounts: [(lot: LotID, account: PostingAccount, sums: Sums)] {
        self.lots.flatMap { lot in
            self.accounts(of: lot).sorted { $0.key < $1.key }.map { (lot: lot, account: $0.key, sums: $0.value) }
        }
    }

    /// The file of all accounts, as lines.
    package var csv: [String] {
        ["lot,measure,account,into,out_of,balance"]
            + self.accounts.map { lot, account, sums in
                "\(lot),\(account.measure.rawValue),\(account),\(sums.into),\(sums.outOf),\(sums.balance)"
            }
    }
}

/// The figures of one lot that other counts know, too.
package struct PostingFigures: Hashable, Sendable {
    package var issued = 0
    package var pool = 0
    /// The quota of all units.
    package var available = 0
    package var held = 0
    package var paid = 0
    package var stranded = 0
    package var owed = 0
    /// Counted as sold by a settlement, and in no ledger: no other count knows this.
    package var settled = 0
    /// The stock of another sale by now.
    package var carried = 0

    package init() {}

    package init(_ totals: PostingTotals, _ lot: LotID) {
        for (account, sums) in totals.accounts(of: lot) {
            switch account {
            case .issued: self.issued -= sums.balance
            case .pool: self.pool += sums.balance
            case .quota: self.available += sums.balance
            case .held: self.held += sums.balance
            case .paid: self.paid += sums.balance
            case .stranded: self.stranded += sums.balance
            case .owed: self.owed += sums.balance
            case .settled: self.settled += sums.balance
            case .carried: self.carried += sums.balance
            case .received, .taken, .refundDue: continue
            }
        }
    }

    /// Where another count has another figure, in words.
    package func differences(from other: PostingFigures, of lot: LotID, by name: String) -> [String] {
        let figures: [(String, KeyPath<PostingFigures, Int>)] = [
            ("issued", \.issued), ("pool", \.pool), ("available", \.available), ("held", \.held), ("paid", \.paid),
            ("stranded", \.stranded), ("owed", \.owed), ("carried", \.carried),
        ]
        return figures.filter { self[keyPath: $0.1] != other[keyPath: $0.1] }.map { figure, path in
            "lot \(lot): \(figure) is \(self[keyPath: path]) by the postings, and \(other[keyPath: path]) by \(name)"
        }
    }
}
