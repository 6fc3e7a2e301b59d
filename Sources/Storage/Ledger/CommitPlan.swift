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
    /// Lots whose orders the book gives up.
    private(set) var archived: [ArchivedLot] = []
    private var sold: [LedgerReading.AccountKey: Int64] = [:]

    /// - Parameters:
    ///   - last: The end of the ledger before the commit.
    ///   - buyers: Keeps the changes, or rolls them back, when the commit is over.
    mutating func compose(
        _ entries: [LedgerEntry], after last: LedgerEnd, _ buyers: inout BuyerGuard
    ) throws(BuyerGuard.Violation) {
        self.bytes.removeAll(keepingCapacity: true)
        self.changes.removeAll(keepingCapacity: true)
        self.sold.removeAll(keepingCapacity: true)
        (self.end, self.generation, self.resetsCeiling, self.archived) = (last, nil, false, [])
        if entries.allSatisfy(\.isHeartbeat) { return self.composeHeartbeat(entries) }
        var position = last.head.position + UInt64(entries.count)
        if let ceiling = last.ceiling {
            EntryRow(.ceiling(ceiling)).encode(into: &self.bytes)
            position += 1
        }
        for entry in entries {
            EntryRow(entry).encode(into: &self.bytes)
            try buyers.enforce(entry)
            self.add(entry)
        }
        // One update per lot and batch: the constraint checks the sum of the batch, inside the transaction.
        for (account, quantity) in self.sold {
            self.changes.append(AccountChange(column: .sold, account: account, value: quantity))
        }
        let digest = self.bytes.withUnsafeBytes { HashChain.next(after: last.head.digest, $0) }
        self.end = LedgerEnd(
            head: LedgerHead(position: position, digest: digest), generation: self.end.generation)
        self.row = .insert
    }

    /// A commit of heartbeats adds no row to a journal that ends with one.
    private mutating func composeHeartbeat(_ entries: [LedgerEntry]) {
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

    /// Adds what an entry changes beside the journal.
    private mutating func add(_ entry: LedgerEntry) {
        func account(_ lot: LotID) -> LedgerReading.AccountKey { .init(lot: lot, generation: self.end.generation) }
        switch entry {
        case .generation(let next): (self.end.generation, self.generation) = (next, next)
        case .granted(let lot, let total):
            self.changes.append(AccountChange(column: .granted, account: account(lot), value: Int64(total)))
        case .returned(let lot, let total):
            self.changes.append(AccountChange(column: .returned, account: account(lot), value: Int64(total)))
        case .reserved(let order): self.sold[Self.account(order), default: 0] += Int64(order.quantity)
        case .allocated(let order, _):
            // The entry allocates the stock together with the order.
            let (account, quantity) = (Self.account(order), Int64(order.quantity))
            self.changes.append(AccountChange(column: .allocated, account: account, value: quantity))
            if order.state == .reserved { self.sold[account, default: 0] += quantity }
        case .revived(let order, _): self.sold[Self.account(order), default: 0] += Int64(order.quantity)
        case .released(let order, _):
            let account = Self.account(order)
            // Sales of the batch are written first: without them, a release of one of them would break the constraint
            // `cancelled <= sold`.
            if let sold = self.sold.removeValue(forKey: account) {
                self.changes.append(AccountChange(column: .sold, account: account, value: sold))
            }
            self.changes.append(AccountChange(column: .cancelled, account: account, value: Int64(order.quantity)))
        case .ceilingReset: self.resetsCeiling = true
        case .archived(let archived): self.archived.append(archived)
        case .opened, .confirmed, .refused, .refundDue, .nonce, .soldOut, .ceiling, .contended, .contested, .lost,
            .redis, .branched, .received, .refunded, .doubt:
            break
        }
    }

    private static func account(_ order: Order) -> LedgerReading.AccountKey {
        .init(lot: order.lot, generation: order.generation)
    }
}
