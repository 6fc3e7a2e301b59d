package import TrancheCore

/// A unit's book as bytes, in pieces of about half a megabyte, so that no pause between two batches of orders is long.
///
/// Each piece is `version, kind, items`, and can be read without the others. A book of a newer version is not read: the
/// journal has everything. A book of an earlier version is: otherwise the first start after an upgrade reads the whole
/// journal, and the files of archived lots.
package struct BookPieces: Sendable {
    package static let version: UInt8 = 3
    /// Refunds of this version have no number and no amount, and a kind of their own.
    static let versionWithoutMoney: UInt8 = 2
    /// The state of this version ends before the branches.
    static let versionWithoutBranches: UInt8 = 1
    static let itemsPerPiece = 8_192

    enum Kind: UInt8, CaseIterable { case state, orders, refused, refunds, allocations, candidates, money, doubts }

    private let parts: UnitBook.Parts
    private var kind = Kind.state
    private var row = 0
    private var refused: Dictionary<OrderID, FinalRefusal>.Index
    private var money: [OrderID: OrderMoney].Index
    private var doubts: Set<OrderID>.Index
    private var allocations: Set<OrderID>.Index
    private let candidates: [(LotID, Candidate)]
    private var isOver = false

    package init(_ book: UnitBook) {
        self.parts = book.parts
        self.refused = self.parts.refused.startIndex
        self.money = self.parts.money.startIndex
        self.doubts = self.parts.doubts.startIndex
        self.allocations = self.parts.allocations.startIndex
        self.candidates = self.parts.contests.flatMap { lot, queue in queue.map { (lot, $0) } }
    }

    /// The next piece; `nil` after the last one.
    package mutating func next() -> [UInt8]? {
        guard !self.isOver else { return nil }
        var writer = ByteWriter()
        writer.byte(Self.version)
        writer.byte(self.kind.rawValue)
        for _ in 0..<Self.itemsPerPiece {
            guard self.writeItem(into: &writer) else {
                self.endKind()
                break
            }
        }
        return writer.bytes
    }

    private mutating func endKind() {
        self.row = 0
        guard let next = Kind(rawValue: self.kind.rawValue + 1) else { return self.isOver = true }
        self.kind = next
    }

    /// - Returns: `false` if there is no further item of the present kind.
    private mutating func writeItem(into writer: inout ByteWriter) -> Bool {
        defer { self.row += 1 }
        switch self.kind {
        case .state:
            guard self.row == 0 else { return false }
            self.writeState(into: &writer)
        case .orders:
            guard self.row < self.parts.orders.count else { return false }
            let order = self.parts.orders.order(at: self.row)
            OrderForm.write(order, self.parts.orders.payment(at: self.row), into: &writer)
        case .refused:
            guard self.refused < self.parts.refused.endIndex else { return false }
            Self.write(self.parts.refused[self.refused], into: &writer)
            self.parts.refused.formIndex(after: &self.refused)
        case .refunds:
            return false  // Earlier versions had them here.
        case .allocations:
            guard self.allocations < self.parts.allocations.endIndex else { return false }
            writer.order(self.parts.allocations[self.allocations])
            self.parts.allocations.formIndex(after: &self.allocations)
        case .candidates:
            guard self.row < self.candidates.count else { return false }
            Self.write(self.candidates[self.row], into: &writer)
        case .money:
            guard self.money < self.parts.money.endIndex else { return false }
            MoneyForm.write(self.parts.money[self.money].value, of: self.parts.money[self.money].key, into: &writer)
            self.parts.money.formIndex(after: &self.money)
        case .doubts:
            guard self.doubts < self.parts.doubts.endIndex else { return false }
            writer.order(self.parts.doubts[self.doubts])
            self.parts.doubts.formIndex(after: &self.doubts)
        }
        return true
    }

    private func writeState(into writer: inout ByteWriter) {
        writer.big(self.parts.incarnation.rawValue)
        writer.varint(Int64(self.parts.generation.rawValue))
        writer.big(self.parts.ceiling.rawValue)
        writer.big(self.parts.nonce)
        writer.byte(self.parts.redis == nil ? 0 : 1)
        writer.big(self.parts.redis?.rawValue ?? 0)
        writer.varint(Int64(self.parts.accounts.count))
        for (account, counters) in self.parts.accounts {
            writer.varint(Int64(account.lot.rawValue))
            writer.varint(Int64(account.generation.rawValue))
            for number in [
                counters.granted, counters.allocated, counters.returned, counters.sold, counters.cancelled,
            ] {
                writer.varint(Int64(number))
            }
        }
        for lots in [self.parts.lotsEverSoldOut, Set(self.parts.contests.keys)] {
            writer.varint(Int64(lots.count))
            for lot in lots { writer.varint(Int64(lot.rawValue)) }
        }
        writer.varint(Int64(self.parts.archived.count))
        for archived in self.parts.archived.values {
            writer.varint(Int64(archived.lot.rawValue))
            writer.varint(Int64(archived.orders))
            writer.big(archived.digest.high)
            writer.big(archived.digest.low)
        }
        let branches = self.parts.branches.flatMap { lot, branches in branches.map { (lot, $0) } }
        writer.varint(Int64(branches.count))
        for (lot, branch) in branches {
            writer.varint(Int64(lot.rawValue))
            writer.varint(Int64(branch.home.rawValue))
            writer.varint(Int64(branch.unit.rawValue))
            writer.big(UInt64(bitPattern: branch.refusedBefore.microseconds))
        }
    }

    private static func write(_ refused: (key: OrderID, value: FinalRefusal), into writer: inout ByteWriter) {
        writer.order(refused.key)
        switch refused.value {
        case .duplicate(let held, let limit):
            writer.byte(1)
            writer.varint(Int64(held))
            writer.varint(Int64(limit))
        case .limitReached(let held, let limit):
            writer.byte(2)
            writer.varint(Int64(held))
            writer.varint(Int64(limit))
        }
    }

    private static func write(_ item: (lot: LotID, candidate: Candidate), into writer: inout ByteWriter) {
        writer.varint(Int64(item.lot.rawValue))
        writer.order(item.candidate.order)
        writer.varint(Int64(item.candidate.index))
        writer.varint(Int64(item.candidate.quantity))
        writer.big(item.candidate.stamp.rawValue)
        writer.varint(item.candidate.uncertainty)
    }
}
