import Testing
import TrancheCore

@Suite("A second round") struct SecondRoundTests {
    private static let (lot, next, unit) = (SoldSale.lot, LotID(9), UnitID(1))
    private static let pair = SecondRound.Pair(from: lot, to: next)

    /// Unit 1 holds 10 of 20, has sold 4 and was paid for all of them.
    private func sale() throws -> SoldSale {
        var sale = SoldSale()
        try sale.issue(20)
        try sale.grant(10, to: Self.unit)
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 4, paid: 4)])
        return sale
    }

    private func refusal(of sale: SoldSale, _ state: SaleState = .settled) -> SecondRound.Refusal? {
        do throws(SecondRound.Refusal) {
            try SecondRound.check(state, [Self.lot], sale.authority, now: sale.now)
            return nil
        } catch { return error }
    }

    private func expectConserved(_ sale: SoldSale, _ comment: Comment? = nil) {
        for lot in sale.authority.book.lots.keys { #expect(sale.authority.book.isConserved(lot), comment) }
    }

    @Test("units give back what they hold unsold; then everything goes over in one record, and a repetition adds none")
    func everythingGoesOverOnce() throws {
        var sale = try self.sale()
        #expect(sale.authority.unsold(Self.lot) == (pool: 10, unreturned: 6))
        #expect(self.refusal(of: sale) == .unreturned(Self.unit, Self.lot, quantity: 6))
        #expect(sale.authority.reclaimUnsold([Self.lot]) == [Self.unit])
        let asked = sale.authority.directives(for: Self.unit, now: sale.now).lots.first { $0.lot == Self.lot }
        #expect(asked?.hint?.keep == 0)
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 4, paid: 4)], returned: [Self.lot: 6])
        #expect(self.refusal(of: sale) == nil)
        #expect(sale.authority.unsold(Self.lot) == (pool: 16, unreturned: 0))

        let count = sale.records.count
        for carried in [16, 0, 0] {
            #expect(try sale.authority.carry([Self.pair], into: &sale.records) == carried)
            #expect(self.refusal(of: sale) == nil)
        }
        let carry = Carry(from: Self.lot, to: Self.next, quantity: 16)
        #expect(Array(sale.records.dropFirst(count)) == [.carried([carry])])
        let (old, new) = (sale.authority.book.lots[Self.lot], sale.authority.book.lots[Self.next])
        #expect(old?.issued == 20 && old?.pool == 0 && old?.carried == 16)
        #expect(new?.issued == 16 && new?.pool == 16 && new?.origin == carry)
        self.expectConserved(sale)
    }

    @Test("before the settlement nothing is carried") func waitsForTheSettlement() throws {
        let sale = try self.sale()
        for state in SaleState.allCases where state != .settled {
            #expect(self.refusal(of: sale, state) == .notSettled(state))
        }
    }

    @Test("a silent unit is an obstacle, unless its last report shows that it sold all") func silentUnitsAreAnObstacle()
        throws
    {
        var sale = try self.sale()
        sale.fallSilent()
        #expect(self.refusal(of: sale) == .silent(Self.unit, Self.lot, held: 6))
        sale.report(Self.unit, [])
        #expect(self.refusal(of: sale) == .untold(Self.unit, Self.lot))
        sale.report(Self.unit, [(Self.lot, granted: 10, sold: 10, paid: 10)])
        sale.fallSilent()
        #expect(self.refusal(of: sale) == nil)
        sale.authority = QuotaAuthority(book: sale.authority.book, witnesses: sale.authority.witnesses)
        #expect(self.refusal(of: sale) == .silent(Self.unit, Self.lot, held: 10), "a new center has heard nothing")
    }

    @Test("stranded quota is settled first; what a correction of the settlement frees is a further record")
    func correctionsAreCarriedLater() throws {
        var sale = try self.sale()
        try sale.authority.strand(Self.unit, reason: "lost", into: &sale.records)
        let generation = Generation(1)
        #expect(self.refusal(of: sale) == .stranded(Self.unit, Self.lot, generation, quantity: 10))
        try sale.authority.settle(Self.lot, Self.unit, generation, sold: 4, into: &sale.records)
        #expect(self.refusal(of: sale) == nil)
        #expect(try sale.authority.carry([Self.pair], into: &sale.records) == 16)
        try sale.authority.settle(Self.lot, Self.unit, generation, sold: 3, into: &sale.records)
        #expect(sale.authority.unsold(Self.lot) == (pool: 1, unreturned: 0))
        self.expectConserved(sale)
        #expect(try sale.authority.carry([Self.pair], into: &sale.records) == 1)
        #expect(sale.records.last == .carried([Carry(from: Self.lot, to: Self.next, quantity: 1)]))
        #expect(sale.authority.book.lots[Self.next]?.origin?.quantity == 17)
        self.expectConserved(sale)
    }

    @Test("of two second rounds of one sale the slower one is refused: it has nothing, and nothing changes")
    func slowerRoundGetsNothing() throws {
        var sale = SoldSale()
        try sale.issue(20)
        #expect(try sale.authority.carry([Self.pair], into: &sale.records) == 20)
        let before = sale.records
        let slower = SecondRound.Pair(from: Self.lot, to: LotID(10))
        #expect(throws: SecondRound.Refusal.nothingLeft) {
            try sale.authority.carry([slower], into: &sale.records)
        }
        #expect(sale.records == before && sale.authority.book.lots[LotID(10)] == nil)
        self.expectConserved(sale)
    }

    @Test("a lot with stock of its own, or with too much, gets nothing, and nothing changes") func otherStockIsRefused()
        throws
    {
        var sale = SoldSale()
        try sale.issue(20)
        try sale.issue(5, of: LotID(7))
        let before = sale.records
        let foreign = SecondRound.Pair(from: Self.lot, to: LotID(7))
        #expect(throws: SecondRound.Refusal.ownStock(LotID(7), issued: 5)) {
            try sale.authority.carry([foreign], into: &sale.records)
        }
        #expect(sale.records == before)
        #expect(try sale.authority.carry([Self.pair], into: &sale.records) == 20)
        try sale.issue(Limits.stockPerLot - 20, of: Self.next)
        try sale.issue(1)
        #expect(throws: SecondRound.Refusal.tooMany(Self.next, quantity: 1, limit: 0)) {
            try sale.authority.carry([Self.pair], into: &sale.records)
        }
        self.expectConserved(sale)
    }

    @Test("carried stock is never issued: before it is there, its sale does not warm up") func carriedStockIsNotIssued()
        throws
    {
        var sale = SoldSale()
        try sale.issue(20)
        let planned = [
            PlannedLot(
                lot: Self.next, stock: 20, start: .fromTheStart, terms: ContestTerms(policy: .stamp, waitlist: 3),
                parts: [], isCarried: true)
        ]
        #expect(sale.authority.warm(planned, into: &sale.records).isEmpty)
        #expect(throws: AuthorityError.unknownLot(Self.next)) {
            try sale.authority.issue(planned, into: &sale.records)
        }
        #expect(sale.authority.book.lots[Self.next] == nil)
        #expect(try sale.authority.carry([Self.pair], into: &sale.records) == 20)
        for _ in 0..<2 { try sale.authority.issue(planned, into: &sale.records) }
        let lot = sale.authority.book.lots[Self.next]
        #expect(lot?.issued == 20 && lot?.contest != nil)
        #expect(sale.records.count { if case .contended = $0 { true } else { false } } == 1)
    }

    @Test("no item is lost or doubled in random histories, and the log leads to the same book", arguments: 0..<40)
    func randomHistoriesKeepEveryItem(seed: UInt64) throws {
        var history = CarryHistory(seed: seed)
        for step in 0..<200 {
            try history.step()
            self.expectConserved(history.sale, "step \(step)")
            let there = history.sale.authority.book.lots.values.reduce(0) { $0 + $1.issued - ($1.carried ?? 0) }
            #expect(there == history.issued, "step \(step)")
        }
        var book = AuthorityBook()
        for record in history.sale.records { book.apply(record) }
        for (lot, state) in history.sale.authority.book.lots {
            let again = book.lots[lot]
            #expect(again?.issued == state.issued && again?.pool == state.pool && again?.carried == state.carried)
            #expect(again?.origin == state.origin && again?.accounts == state.accounts)
        }
    }
}

/// Random grants, sales, returns, settlements and carries of a few lots, one of which is the third round of another.
private struct CarryHistory {
    private static let pairs = [(1, 3), (2, 4), (3, 5)].map { SecondRound.Pair(from: LotID($0), to: LotID($1)) }
    private var draw: SeededDraw
    private(set) var sale = SoldSale(units: [1, 2])
    /// Items that came into being.
    private(set) var issued = 0
    private var counters: [UnitID: [LotID: QuotaCounters]] = [:]
    private var isStranded = false

    init(seed: UInt64) { self.draw = SeededDraw(seed) }

    mutating func step() throws {
        let (lot, unit) = (LotID(UInt32(1 + self.draw.below(5))), self.sale.units[self.draw.below(2)])
        switch self.draw.below(10) {
        case 0:
            let quantity = 1 + self.draw.below(40)
            // Only the first rounds have stock of their own.
            guard lot.rawValue <= 2 else { return }
            try self.sale.issue(quantity, of: lot)
            self.issued += quantity
        case 1...3:
            guard self.sale.authority.book.lots[lot] != nil else { return }
            let granted = try self.sale.authority.grant(
                lot, to: unit, quantity: 1 + self.draw.below(10), into: &self.sale.records)
            if granted > 0 { self.counters[unit, default: [:]][lot, default: QuotaCounters()].granted += granted }
        case 4...5: self.change(lot, unit) { $0.sold += $1 }
        case 6...7: self.change(lot, unit) { $0.returned += $1 }
        case 8:
            let pair = Self.pairs[self.draw.below(3)]
            do throws(SecondRound.Refusal) {
                _ = try self.sale.authority.carry([pair], into: &self.sale.records)
            } catch { guard error == .nothingLeft else { throw error } }
        default: try self.settle(lot)
        }
    }

    /// A unit sells or returns a part of what it holds, and reports it.
    private mutating func change(_ lot: LotID, _ unit: UnitID, _ body: (inout QuotaCounters, Int) -> Void) {
        guard var counters = self.counters[unit]?[lot], counters.available > 0, unit == UnitID(1) || !self.isStranded
        else { return }
        body(&counters, 1 + self.draw.below(counters.available))
        self.counters[unit]![lot] = counters
        let all = self.counters[unit]!.sorted { $0.key < $1.key }
        self.sale.report(
            unit, all.map { ($0.key, granted: $0.value.granted, sold: $0.value.sold, paid: 0) },
            returned: self.counters[unit]!.mapValues(\.returned))
    }

    /// Unit 2 is lost; what it held is settled, and the count is corrected downwards later.
    private mutating func settle(_ lot: LotID) throws {
        if !self.isStranded, self.draw.below(8) > 0 { return }
        if !self.isStranded { try self.sale.authority.strand(UnitID(2), reason: "lost", into: &self.sale.records) }
        self.isStranded = true
        let account = self.sale.authority.book.account(lot, UnitID(2), Generation(1))
        guard account.status != .active else { return }
        try self.sale.authority.settle(
            lot, UnitID(2), Generation(1), sold: self.draw.below(account.outstanding + 1), into: &self.sale.records)
    }
}
