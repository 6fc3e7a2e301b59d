import LedgerRows
import PostgresClient
import Threads
package import TrancheCore

// How the ledger comes to know what is in the database, at the start and after a connection broke.

extension PostgresLedger {
    package func recover() throws(StorageError) -> UnitBook {
        self.owner.check()
        do {
            let connection = try self.reconnected()
            do {
                let book = try PostgresJournal.read(connection) { try self.read(connection) }
                self.belief.believe(self.end.head)
                return book
            } catch {
                // A transaction for reading may be open.
                self.forget()
                throw error
            }
        } catch { throw StorageError(error, path: self.location) }
    }

    package func head(at position: UInt64) throws(StorageError) -> LedgerHead? {
        self.owner.check()
        if position == 0 { return .empty }
        // The end, and the heartbeats that the last row has replaced, are in memory; so are the rows before it.
        if position > self.end.kept.position, self.belief.state != .nothing {
            return ([self.end.head] + (self.end.heartbeat?.replaced ?? [])).first { $0.position == position }
        }
        if let head = self.recent.head(at: position) { return head }
        guard let connection, self.belief.state != .nothing else {
            throw .io(path: self.location, detail: "there is no connection to read position \(position)")
        }
        do { return try PostgresJournal.head(connection, at: position) } catch {
            if connection.isClosed { self.forget() }
            throw StorageError(error, path: self.location)
        }
    }

    /// A new connection to a server that does not lose what it confirms.
    func connect() throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(
            self.target, application: "tranche-unit-\(self.unit)", limits: self.settings.limits)
        try connection.checkDurability(
            allowsUnreplicated: self.settings.allowsUnreplicated, permission: self.settings.permission)
        return connection
    }

    /// Commits a change that means nothing. When it is confirmed, so is everything before it, and what is read after
    /// it is not lost by a promotion. A transaction of ours that is still under way at the server holds the same row,
    /// so the barrier comes behind it.
    ///
    /// - Returns: Whether there is a ledger.
    @discardableResult
    func raiseBarrier(_ connection: PostgresConnection) throws(PostgresError) -> Bool {
        try connection.transact([PostgresStatement("UPDATE identity SET barrier = barrier + 1")])[0].affected == 1
    }

    /// Nothing is believed of the ledger before the next barrier.
    func forget() {
        self.belief.lost()
        self.connection = nil
    }

    var unfinished: StorageError {
        .corrupt(path: self.location, detail: "it has commits and no identity: a copy that was not finished")
    }

    private func reconnected() throws -> PostgresConnection {
        if let connection, !connection.isClosed, self.belief.state != .nothing { return connection }
        self.forget()
        let connection = try self.connect()
        guard try PostgresLedgerSchema.exists(connection), try self.raiseBarrier(connection) else {
            throw self.diverged("it has no ledger")
        }
        self.belief.barrierConfirmed()
        self.connection = connection
        return connection
    }

    /// Reads the whole ledger, in one transaction.
    private func read(_ connection: PostgresConnection) throws -> UnitBook {
        guard let identity = try PostgresJournal.identity(connection) else { throw self.diverged("it has no ledger") }
        guard identity.ledger == self.id, identity.unit == Int64(self.unit.rawValue) else {
            throw self.diverged("it has another ledger, \(identity.ledger) of unit \(identity.unit)")
        }
        let end = try PostgresJournal.end(connection, generation: identity.generation)
        try self.compare(end.head, identity, connection)
        var (book, buyers) = (UnitBook(), BuyerGuard())
        (self.replayedEntries, self.snapshot, self.snapshotPosition, self.wantsSnapshot) = (0, nil, 0, false)
        let snapshot = try PostgresJournal.snapshot(connection)
        if let snapshot {
            book = UnitBook(snapshot.parts)
            self.snapshotPosition = snapshot.head.position
            for order in book.orders where order.state.isLive { try self.guardBuyer(.reserved(order), &buyers) }
        }
        try PostgresJournal.forEachCommit(connection, after: snapshot?.head ?? .empty) { commit in
            guard commit.isChained, let entries = commit.entries else {
                throw StorageError.corrupt(
                    path: self.location, detail: "the hash chain breaks at position \(commit.head.position)")
            }
            for entry in entries {
                self.replayedEntries += 1
                if case .archived = entry { self.wantsSnapshot = true }
                book.apply(entry)
                try self.guardBuyer(entry, &buyers)
            }
            buyers.keepChanges()
        }
        self.accounts = Set(
            try PostgresJournal.accounts(connection).map { .init(lot: $0.lot, generation: $0.generation) })
        (self.buyers, self.end) = (buyers, end)
        self.end.ceiling = identity.ceiling > book.ceiling ? identity.ceiling : nil
        book.apply(.ceiling(identity.ceiling))
        return book
    }

    private func guardBuyer(_ entry: LedgerEntry, _ buyers: inout BuyerGuard) throws(StorageError) {
        do throws(BuyerGuard.Violation) { try buyers.enforce(entry) } catch { throw error.error(in: self.location) }
    }

    private func compare(
        _ found: LedgerHead, _ identity: PostgresJournal.Identity, _ connection: PostgresConnection
    ) throws {
        switch try self.belief.compare(found, head: { try PostgresJournal.head(connection, at: $0) }) {
        case .asKnown, .kept: return
        case .superseded: throw StorageError.superseded(path: self.location, current: identity.incarnation)
        case .diverged:
            throw self.diverged(
                "it ends at position \(found.position), and lacks position \(self.belief.known.position), which was "
                    + "confirmed: a standby without it was promoted, or an older copy was restored")
        }
    }

    private func diverged(_ detail: String) -> StorageError { .diverged(path: self.location, detail: detail) }
}
