import LedgerRows
import TrancheCore

/// What one commit writes, in whichever database: one row of the journal, and the changes of what guards it.
///
/// One value is used for all commits of a ledger, so that its buffers are made once.
struct CommitPlan {
    enum Row {
        case insert
        /// In place of the heartbeat at this position.
        case overwrite(UInt64)
        /// Only the ceiling beside the journal.
        case none
    }
    enum Column: Int, CaseIterable { case granted, allocated, returned, sold, cancelled }
    struct AccountChange {
        let column: Column
        let account: LedgerReading.AccountKey
        let value: Int64
    }

    private(set) var row = Row.none
    /// The end of the ledger after the commit.
    private(set) var end = LedgerEnd(head: .empty, generation: Generation(1))
    /// The bytes that the row holds and its digest covers.
    private(set) var bytes: [UInt8] = []
    /// To be made in this order: the constraints hold after each one.
    private(set) var changes: [AccountChange] = []
    private(set) var generation: Generation?
    private(set) var resetsCeiling = false
    private(set) var archives = false
    private var sold: [LedgerReading.AccountKey: Int64] = [:]

    /// - Parameters:
    ///   - last: The end of the ledger before the commit.
    ///   - buyers: Keeps the changes, or rolls them back, when the commit is over.
    mutating func make(
        _ entries: [LedgerEntry], after last: LedgerEnd, _ buyers: inout BuyerGuard
    ) throws(BuyerGuard.Violation) {
        self.bytes.removeAll(keepingCapacity: true)
        self.changes.removeAll(keepingCapacity: true)
        self.sold.removeAll(keepingCapacity: true)
        (self.end, self.generation, self.resetsCeiling, self.archives) = (last, nil, false, false)
        if entries.allSatisfy(\.isHeartbeat) { self.beat(entries) } else { try self.insert(entries, &buyers) }
    }

    private mutating func insert(_ entries: [LedgerEntry], _ buyers: inout BuyerGuard) throws(BuyerGuard.Violation) {
        var position = self.end.head.position + UInt64(entries.count)
        if let ceiling = self.end.ceiling {
            EntryRow(.ceiling(ceiling)).encode(into: &self.bytes)
            position += 1
        }
        for entry in entries {
            EntryRow(entry).encode(into: &self.bytes)
            switch entry {
            case .generation(let next): (self.end.generation, self.generation) = (next, next)
            case .archived: self.archives = true
            case .ceilingReset: self.resetsCeiling = true
            default: break
            }
            try buyers.take(entry)
            self.change(entry)
        }
        // One update per lot and batch: the constraint checks the sum of the batch, inside the transaction.
        for (account, quantity) in self.sold { self.change(.sold, account, quantity) }
        let digest = self.bytes.withUnsafeBytes { HashChain.next(after: self.end.head.digest, $0) }
        self.end = LedgerEnd(
            head: LedgerHead(position: position, digest: digest), generation: self.end.generation)
        self.row = .insert
    }

    /// A commit of heartbeats adds no row to a journal that ends with one.
    private mutating func beat(_ entries: [LedgerEntry]) {
        let last = self.end
        guard let next = self.end.nextHeartbeat(entries) else {
            self.row = .none
            return
        }
        next.encode(into: &self.bytes)
        let digest = self.bytes.withUnsafeBytes { HashChain.next(after: last.base, $0) }
        self.row = last.heartbeat == nil ? .insert : .overwrite(last.head.position)
        self.end.end(with: next, digest)
    }

    private mutating func change(_ entry: LedgerEntry) {
        func account(_ lot: LotID) -> LedgerReading.AccountKey { .init(lot: lot, generation: self.end.generation) }
        switch entry {
        case .granted(let lot, let total): self.change(.granted, account(lot), Int64(total))
        case .returned(let lot, let total): self.change(.returned, account(lot), Int64(total))
        case .reserved(let order): self.sell(order)
        case .allocated(let order):
            // The entry allocates the stock together with the order.
            self.change(.allocated, Self.account(order), Int64(order.quantity))
            if order.state == .reserved { self.sell(order) }
        case .released(let order, _):
            // Sales of the batch are written first: without them, a release of one of them would break the constraint
            // `cancelled <= sold`.
            if let quantity = self.sold.removeValue(forKey: Self.account(order)) {
                self.change(.sold, Self.account(order), quantity)
            }
            self.change(.cancelled, Self.account(order), Int64(order.quantity))
        case .opened, .generation, .confirmed, .refused, .refundDue, .nonce, .soldOut, .ceiling, .ceilingReset,
            .contended, .contested, .lost, .redis, .archived:
            break
        }
    }

    private static func account(_ order: Order) -> LedgerReading.AccountKey {
        .init(lot: order.lot, generation: order.generation)
    }

    private mutating func change(_ column: Column, _ account: LedgerReading.AccountKey, _ value: Int64) {
        self.changes.append(AccountChange(column: column, account: account, value: value))
    }

    private mutating func sell(_ order: Order) { self.sold[Self.account(order), default: 0] += Int64(order.quantity) }
}
