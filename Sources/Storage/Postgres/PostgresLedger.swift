import LedgerRows
package import PostgresClient
package import Threads
package import TrancheCore

/// A unit's ledger in PostgreSQL, which keeps it on more than one machine.
///
/// Each commit is one transaction and one round trip. It is conditional on the owner and on the last position, so of
/// two writers one writes. The server confirms it when a standby has it on disk. A connection that breaks leaves the
/// last commit in doubt: the ledger then takes nothing more before ``recover()``, which finds out on a new
/// connection, behind a commit of its own. Without that commit, what is read there may be what a promoted standby is
/// about to lose.
package final class PostgresLedger: LedgerStore {
    package struct Settings: Sendable {
        package var limits = PostgresConnection.Limits()
        /// For trials on one machine: commits are confirmed by one disk.
        package var allowsUnreplicated = false
        /// The name of the setting above, for messages.
        package var permission = "ledger.unreplicated"
        /// How long a look-up of an archived order waits for its answer: threads that serve buyers wait for it.
        package var lookupMilliseconds = 250
        package init(allowsUnreplicated: Bool = false) { self.allowsUnreplicated = allowsUnreplicated }
    }

    package let owner = ThreadOwner("the ledger")
    package let location: String
    package private(set) var id: LedgerID
    package let unit: UnitID
    package var head: LedgerHead { self.belief.end }
    /// Entries that the last ``recover()`` replayed: those behind the snapshot.
    package internal(set) var replayedEntries = 0
    let target: PostgresTarget
    let settings: Settings
    /// `nil` at the latest when nothing is believed.
    var connection: PostgresConnection?
    /// What the next commit follows, or overwrites. Its head is that of the belief.
    var end: LedgerEnd
    var belief = LedgerBelief(.empty)
    var snapshotPosition: UInt64 = 0
    var snapshot: SnapshotUnderway?
    var wantsSnapshot = false
    /// `nil` until the journal has been read.
    var buyers: BuyerGuard?
    /// Accounts that have a row.
    var accounts: Set<LedgerReading.AccountKey> = []
    var recent = RecentHeads()
    private var plan = CommitPlan()

    /// Opens the ledger of `unit`, or creates it.
    ///
    /// - Parameter newID: The identity of the ledger, if it is new.
    /// - Throws: ``StorageError`` if no server takes commits, if it would lose them, or if the ledger is of another
    ///   unit.
    package init(
        _ target: PostgresTarget, unit: UnitID, newID: LedgerID, settings: Settings = Settings()
    ) throws(StorageError) {
        (self.target, self.location, self.unit, self.settings) = (target, "\(target)", unit, settings)
        (self.id, self.end) = (newID, LedgerEnd(head: .empty, generation: Generation(1)))
        do {
            let connection = try self.connect()
            try PostgresLedgerSchema.migrate(connection)
            if try PostgresJournal.identity(connection) == nil {
                // Rows without an identity are of a copy that was not finished.
                try connection.run(
                    PostgresStatement(
                        "INSERT INTO identity (\"only\", unit, ledger, incarnation, generation) SELECT 1, $1, $2, 0, 1 "
                            + "WHERE NOT EXISTS (SELECT 1 FROM journal) ON CONFLICT DO NOTHING",
                        [.integer(Int64(unit.rawValue)), .integer(Int64(bitPattern: newID.rawValue))]))
            }
            try self.raiseBarrier(connection)
            guard let identity = try PostgresJournal.identity(connection) else { throw self.unfinished }
            guard identity.unit == Int64(unit.rawValue) else {
                throw StorageError.wrongOwner(
                    path: self.location, expected: "unit \(unit)", found: "unit \(identity.unit)")
            }
            self.id = identity.ledger
            self.end = try PostgresJournal.end(connection, generation: identity.generation)
            self.belief = LedgerBelief(self.end.head)
            self.connection = connection
        } catch { throw StorageError(error, path: "\(target)") }
    }

    package func commit(_ entries: [LedgerEntry], as incarnation: Incarnation) throws(StorageError) {
        self.owner.check()
        guard !entries.isEmpty else { return }
        if self.belief.state == .behindBarrier { _ = try self.recover() }
        guard let connection, self.belief.takesCommits else {
            throw .io(path: self.location, detail: "the last commit is in doubt, and the ledger was not read since")
        }
        do throws(BuyerGuard.Violation) { try self.plan.compose(entries, after: self.end, &self.buyers!) } catch {
            self.buyers?.rollback()
            throw error.error(in: self.location)
        }
        do throws(PostgresError) {
            _ = try connection.transact(self.statements(of: self.plan, incarnation))
        } catch {
            self.buyers?.rollback()
            self.belief.ended(self.outcome(error, connection), with: self.plan.end.head)
            if !self.belief.takesCommits { self.connection = nil }
            throw StorageError(error, path: self.location)
        }
        self.belief.ended(.confirmed, with: self.plan.end.head)
        if case .insert = self.plan.row { self.recent.add(self.end.head) }
        self.end = self.plan.end
        for change in self.plan.changes { self.accounts.insert(change.account) }
        if !self.plan.archived.isEmpty { self.wantsSnapshot = true }
        self.buyers?.keepChanges()
    }

    /// A refusal by a guard leaves no question. Anything else is asked on a new connection.
    private func outcome(_ error: PostgresError, _ connection: PostgresConnection) -> LedgerBelief.Outcome {
        switch error {
        case .refused(_, PostgresLedgerSchema.otherEnd, _): .endsElsewhere
        case .refused: connection.isClosed ? .unsent : .refused
        case .inDoubt: .inDoubt
        case .unreachable, .unsafe, .unreadable: .unsent
        }
    }

    private func statements(of plan: CommitPlan, _ incarnation: Incarnation) -> [PostgresStatement] {
        var all = [self.claim(incarnation)]
        if let generation = plan.generation {
            all.append(
                PostgresStatement(
                    "UPDATE identity SET generation = $1", [.integer(Int64(generation.rawValue))]))
        }
        if plan.resetsCeiling { all.append(PostgresStatement("UPDATE identity SET ceiling = 0")) }
        for change in plan.changes {
            let account: [PostgresValue] = [
                .integer(Int64(change.account.lot.rawValue)), .integer(Int64(change.account.generation.rawValue)),
            ]
            if !self.accounts.contains(change.account) {
                all.append(
                    PostgresStatement(
                        "INSERT INTO accounts (lot, generation) VALUES ($1, $2) ON CONFLICT DO NOTHING", account))
            }
            all.append(PostgresStatement(change.column.update, account + [.integer(change.value)]))
        }
        // The entry decides, so the orders must be there: in this very database, whichever server it is now.
        for archived in plan.archived {
            all.append(
                PostgresStatement(
                    "SELECT ledger_archive($1, $2)",
                    [.integer(Int64(archived.lot.rawValue)), .integer(Int64(archived.orders))]))
        }
        let head: [PostgresValue] = [
            .integer(Int64(bitPattern: plan.end.head.position)), .bytes(plan.end.head.digest.bytes), .bytes(plan.bytes),
        ]
        switch plan.row {
        case .none:
            let ceiling = plan.end.ceiling?.rawValue ?? 0
            all.append(
                PostgresStatement("UPDATE identity SET ceiling = $1", [.integer(Int64(bitPattern: ceiling))]))
        case .insert:
            all.append(PostgresStatement("INSERT INTO journal (position, digest, entries) VALUES ($1, $2, $3)", head))
        case .overwrite(let position):
            all.append(
                PostgresStatement(
                    "UPDATE journal SET position = $1, digest = $2, entries = $3 WHERE position = $4",
                    head + [.integer(Int64(bitPattern: position))]))
        }
        return all
    }

    /// The condition of every transaction that writes.
    func claim(_ incarnation: Incarnation) -> PostgresStatement {
        PostgresStatement(
            "SELECT ledger_claim($1, $2, $3, $4)",
            [
                .integer(Int64(bitPattern: incarnation.rawValue)), .integer(Int64(bitPattern: self.end.head.position)),
                .bytes(self.end.head.digest.bytes), .integer(self.settings.allowsUnreplicated ? 0 : 1),
            ])
    }

    /// PostgreSQL keeps a log that has its size already.
    package func reserveLog() throws(StorageError) {}

    package func archives(in folder: String) -> ArchiveLocation {
        .postgres(self.target, self.settings, folder: folder)
    }

    // The journal keeps all its commits. A start reads those behind the snapshot, and a commit costs the same behind
    // many.
    package var movableBefore: UInt64? { get throws(StorageError) { nil } }

    package func deleteMoved(
        upTo end: LedgerHead, rows: Int, as incarnation: Incarnation
    ) throws(StorageError) -> Bool { false }

    package func openOutbox() throws(StorageError) -> any OutboxStore {
        OutboxPostgres(self.target, limits: self.settings.limits)
    }
}

extension CommitPlan.Column {
    fileprivate var update: String {
        let value =
            switch self {
            case .granted: "granted = greatest(granted, $3)"
            case .allocated: "allocated = allocated + $3"
            case .returned: "returned = greatest(returned, $3)"
            case .sold: "sold = sold + $3"
            case .cancelled: "cancelled = cancelled + $3"
            }
        return "UPDATE accounts SET \(value) WHERE lot = $1 AND generation = $2"
    }
}
