import Crypto
import Foundation
import GRDB
import LedgerRows
package import Threads
package import TrancheCore

/// A unit's ledger on disk, which decides what was sold.
///
/// One process writes it, from the thread that owns it. Every ``append(_:as:)`` is one transaction with one fsync: when
/// the call returns, either all of it is on disk or nothing. A constraint of the database enforces I2, and
/// ``BuyerGuard`` enforces the per-buyer limit, independently of the code above.
package final class UnitLedger {
    package let owner = ThreadOwner("the ledger")
    package let path: String
    package let id: LedgerID
    package let unit: UnitID
    /// The last position of the ledger, and its digest.
    package private(set) var head: LedgerHead
    private let queue: DatabaseQueue
    private let identity: FileIdentity?
    private var generation: Generation
    private var statements: Statements?
    /// `nil` until the journal has been read.
    private var buyers: BuyerGuard?
    private var bytes: [UInt8] = []

    private struct Statements {
        let granted, allocated, returned, sold, cancelled, commit, account: RawStatement
    }

    /// Opens the ledger of `unit`, or creates it.
    ///
    /// - Parameter newID: The identity of the ledger, if it is new.
    /// - Throws: ``StorageError`` if the ledger is damaged, in use, or of another unit.
    package init(path: String, unit: UnitID, newID: LedgerID) throws(StorageError) {
        self.path = path
        self.unit = unit
        self.queue = try DurableDatabase.open(path, migrator: LedgerSchema.migrator)
        do {
            let found = try self.queue.write { database -> (LedgerID, UInt16, LedgerHead, UInt32) in
                if try Row.fetchOne(database, sql: "SELECT 1 FROM identity") == nil {
                    try database.execute(
                        sql: "INSERT INTO identity VALUES (1, ?, ?, 0, 1)",
                        arguments: [unit.rawValue, Int64(bitPattern: newID.rawValue)])
                }
                let row = try Row.fetchOne(database, sql: "SELECT unit, ledger, generation FROM identity")!
                return (LedgerID(UInt64(bitPattern: row[1])), row[0], try LedgerReading.head(database), row[2])
            }
            guard found.1 == unit.rawValue else {
                throw StorageError.wrongOwner(path: path, expected: "unit \(unit)", found: "unit \(found.1)")
            }
            (self.id, self.head, self.generation) = (found.0, found.2, Generation(found.3))
            self.identity = FileIdentity(path)
        } catch { throw StorageError(error, path: path) }
    }

    /// The book that results from all entries of the ledger.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the entries and the hash chain do not agree.
    package func recover() throws(StorageError) -> UnitBook {
        self.owner.check()
        var book = UnitBook()
        var buyers = BuyerGuard()
        do {
            try self.queue.read { database in
                try LedgerReading.book(database, path: self.path) { entry in
                    book.apply(entry)
                    try self.guardBuyer(entry, &buyers)
                    buyers.keepChanges()
                }
            }
        } catch { throw StorageError(error, path: self.path) }
        self.buyers = buyers
        return book
    }

    /// Writes room for the commits to come, so that none of them waits for the file to grow. Takes about 0.1 s.
    ///
    /// - Throws: ``StorageError``, for example if the disk is full. The ledger can be used nevertheless.
    package func reserveLog() throws(StorageError) {
        self.owner.check()
        try LogReserve.fill(database: self.path)
    }

    /// Limits the file to `pages`, as a full disk would, for tests.
    package func limitPagesForTest(_ pages: Int) throws {
        try self.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
    }

    /// The digest at a position where a commit ended; `nil` for any other position.
    package func head(at position: UInt64) throws(StorageError) -> LedgerHead? {
        self.owner.check()
        if position == 0 { return .empty }
        do { return try self.queue.read { try LedgerReading.head($0, at: position) } } catch {
            throw StorageError(error, path: self.path)
        }
    }

    /// Appends `entries` in one transaction, unless a newer incarnation owns the ledger.
    ///
    /// - Throws: ``StorageError``: the ledger is unchanged, and the caller's state is ahead of it.
    ///   ``StorageError/vanished(path:)`` if the file was deleted or replaced: the appended entries are lost.
    package func append(_ entries: [LedgerEntry], as incarnation: Incarnation) throws(StorageError) {
        self.owner.check()
        guard !entries.isEmpty else { return }
        if self.buyers == nil { _ = try self.recover() }
        var generation = self.generation
        do {
            let head = try self.queue.writeWithoutTransaction { database -> LedgerHead in
                if self.statements == nil { self.statements = try Self.prepare(database) }
                var next: LedgerHead?
                try database.inTransaction(.immediate) {
                    try self.claim(database, incarnation)
                    next = try self.write(database, entries, &generation)
                    return .commit
                }
                return next!
            }
            // Checked after the commit: every answer that follows was written to a file that still exists.
            if let identity, FileIdentity(self.path) != identity { throw StorageError.vanished(path: self.path) }
            self.head = head
            self.generation = generation
            self.buyers?.keepChanges()
        } catch {
            self.buyers?.rollback()
            throw StorageError(error, path: self.path)
        }
    }

    private func claim(_ database: Database, _ incarnation: Incarnation) throws {
        let mine = Int64(bitPattern: incarnation.rawValue)
        let current = try Int64.fetchOne(database, sql: "SELECT incarnation FROM identity") ?? 0
        guard current <= mine else {
            throw StorageError.superseded(path: self.path, current: UInt64(bitPattern: current))
        }
        if current < mine { try database.execute(sql: "UPDATE identity SET incarnation = ?", arguments: [mine]) }
    }

    private func write(_ database: Database, _ entries: [LedgerEntry], _ generation: inout Generation) throws
        -> LedgerHead
    {
        let statements = self.statements!
        let position = self.head.position + UInt64(entries.count)
        var sold: [LedgerReading.AccountKey: Int64] = [:]
        self.bytes.removeAll(keepingCapacity: true)
        for entry in entries {
            EntryRow(entry).encode(into: &self.bytes)
            if case .generation(let next) = entry {
                generation = next
                try database.execute(sql: "UPDATE identity SET generation = ?", arguments: [next.rawValue])
            }
            try self.guardEntry(entry, generation, statements, &sold)
        }
        // One update per lot and batch: the constraint checks the sum of the batch, inside the transaction.
        for (key, quantity) in sold {
            try self.change(statements.sold, key.lot, key.generation, quantity)
        }
        let digest = self.bytes.withUnsafeBytes { HashChain.next(after: self.head.digest, $0) }
        statements.commit.bind(1, Int64(position))
        statements.commit.bind(2, OrderID(high: digest.high, low: digest.low))
        try statements.commit.run(blob: self.bytes, at: 3)
        return LedgerHead(position: position, digest: digest)
    }

    private func guardEntry(
        _ entry: LedgerEntry, _ generation: Generation, _ statements: Statements,
        _ sold: inout [LedgerReading.AccountKey: Int64]
    ) throws {
        try self.guardBuyer(entry, &self.buyers!)
        switch entry {
        case .granted(let lot, let total): try self.change(statements.granted, lot, generation, Int64(total))
        case .returned(let lot, let total): try self.change(statements.returned, lot, generation, Int64(total))
        case .reserved(let order): self.sell(order, &sold)
        case .allocated(let order):
            // The entry allocates the stock together with the order.
            try self.change(statements.allocated, order.lot, order.generation, Int64(order.quantity))
            if order.state == .reserved { self.sell(order, &sold) }
        case .released(let order, _):
            // Sales of the batch are written first: without them, a release of one of them would break the constraint
            // `cancelled <= sold`.
            let key = LedgerReading.AccountKey(lot: order.lot, generation: order.generation)
            if let quantity = sold.removeValue(forKey: key) {
                try self.change(statements.sold, key.lot, key.generation, quantity)
            }
            try self.change(statements.cancelled, order.lot, order.generation, Int64(order.quantity))
        case .opened, .generation, .confirmed, .refused, .refundDue, .nonce, .soldOut, .ceiling, .ceilingReset,
            .contended, .contested, .lost, .redis:
            break
        }
    }

    private func sell(_ order: Order, _ sold: inout [LedgerReading.AccountKey: Int64]) {
        sold[.init(lot: order.lot, generation: order.generation), default: 0] += Int64(order.quantity)
    }

    private func guardBuyer(_ entry: LedgerEntry, _ buyers: inout BuyerGuard) throws {
        do throws(BuyerGuard.Violation) {
            switch entry {
            case .reserved(let order): try buyers.hold(order)
            case .allocated(let order) where order.state == .reserved: try buyers.hold(order)
            case .released(let order, _): try buyers.unhold(order)
            default: break
            }
        } catch {
            throw StorageError.constraint(
                path: self.path,
                detail: "buyer_limit: order \(error.order): the buyer holds \(error.held), \(error.limit) are allowed"
            )
        }
    }

    private func change(_ statement: RawStatement, _ lot: LotID, _ generation: Generation, _ value: Int64) throws {
        self.statements!.account.bind(1, Int64(lot.rawValue))
        self.statements!.account.bind(2, Int64(generation.rawValue))
        try self.statements!.account.run()
        statement.bind(1, value)
        statement.bind(2, Int64(lot.rawValue))
        statement.bind(3, Int64(generation.rawValue))
        try statement.run()
    }

    private static func prepare(_ database: Database) throws -> Statements {
        let account = "WHERE lot = ?2 AND generation = ?3"
        return Statements(
            granted: try RawStatement(database, "UPDATE accounts SET granted = max(granted, ?1) \(account)"),
            allocated: try RawStatement(database, "UPDATE accounts SET allocated = allocated + ?1 \(account)"),
            returned: try RawStatement(database, "UPDATE accounts SET returned = max(returned, ?1) \(account)"),
            sold: try RawStatement(database, "UPDATE accounts SET sold = sold + ?1 \(account)"),
            cancelled: try RawStatement(database, "UPDATE accounts SET cancelled = cancelled + ?1 \(account)"),
            commit: try RawStatement(database, "INSERT INTO journal VALUES (?, ?, ?)"),
            account: try RawStatement(database, "INSERT OR IGNORE INTO accounts (lot, generation) VALUES (?1, ?2)"))
    }
}

/// The hash chain over a ledger: each commit's digest covers the previous digest and every byte of the commit.
package enum HashChain {
    /// The first 128 bits of SHA-256 (FIPS 180-4) over the last digest and `bytes`.
    package static func next(after digest: ChainDigest, _ bytes: UnsafeRawBufferPointer) -> ChainDigest {
        var hash = SHA256()
        withUnsafeBytes(of: (digest.high.bigEndian, digest.low.bigEndian)) { hash.update(bufferPointer: $0) }
        hash.update(bufferPointer: bytes)
        return hash.finalize().withUnsafeBytes { bytes in
            ChainDigest(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
