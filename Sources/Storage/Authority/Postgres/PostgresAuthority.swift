import Foundation
import NIOConcurrencyHelpers
import PostgresClient
package import TrancheCore

/// The state of centers in PostgreSQL, for any number of them.
///
/// Decisions are on one connection, and everything else on a second one, so that no decision waits for a snapshot. The lease
/// has a third one.
package final class PostgresAuthority: AuthorityStorage, @unchecked Sendable {  // The head is behind a lock.
    /// The answer to a commit. Later ones are in doubt, and a barrier decides.
    static let answerMilliseconds = 2_000

    /// The owner's row as the last commit of this process left it.
    struct Head: Hashable {
        /// Raised by appends and barriers.
        var turn: Int64
        /// The turn that the last append made.
        var appended: Int64
        var position: Int64
        var digest: ChainDigest
    }
    private struct State {
        /// `nil` until the first barrier.
        var head: Head?
        /// What the append in doubt would have made of the head.
        var wanted: Head?
    }

    let decisions: PostgresSession
    let desk: PostgresSession
    private let lease: PostgresSession
    private let state = NIOLockedValueBox(State())

    /// Connects with the first call.
    package init(_ settings: AuthoritySettings) {
        var limits = PostgresConnection.Limits()
        (limits.answerMilliseconds, limits.lockMilliseconds) = (Self.answerMilliseconds, 1_000)
        self.decisions = PostgresSession(settings, application: "tranche center", limits: limits)
        self.lease = PostgresSession(settings, application: "tranche center's lease", limits: limits)
        limits.answerMilliseconds = 10_000  // A snapshot of a long contest has a hundred megabytes.
        self.desk = PostgresSession(settings, application: "tranche center's desk", limits: limits)
    }

    package var path: String { self.desk.path }
    package var isShared: Bool { true }
    package func checkPresence() throws(StorageError) {}

    // MARK: the lease

    package func lease(_ act: CenterLease.Act, address: String, process: UInt64) throws(StorageError) -> CenterLease.Row
    {
        try self.lease.run { (connection) throws(PostgresError) in
            let number = PostgresValue.integer(Int64(bitPattern: process))
            switch act {
            case .look: break
            case .beat(let epoch):
                // A beat that is lost with the server is no loss, so it waits for no disk.
                _ = try connection.transact([
                    PostgresStatement("SELECT set_config('synchronous_commit', 'off', true)"),
                    PostgresStatement(
                        "UPDATE authority.lease SET beat = beat + 1 WHERE epoch = $1 AND process = $2",
                        [.integer(epoch.signed), number]),
                ])
            case .take(let seen):
                _ = try connection.transact([
                    PostgresStatement(
                        "SELECT authority.take($1, $2, $3, $4, $5)",
                        [
                            .integer(seen.epoch.signed), .integer(Int64(bitPattern: seen.beat)),
                            .integer(Int64(bitPattern: seen.process)), .text(address), number,
                        ])
                ])
            }
            return try Self.row(connection)
        }
    }

    /// Gives the lead back: another center takes it at its next look.
    package func giveBack(_ epoch: Epoch, process: UInt64) throws(StorageError) {
        try self.lease.run { (connection) throws(PostgresError) in
            _ = try connection.run(
                PostgresStatement(
                    "UPDATE authority.lease SET holder = '', beat = beat + 1 WHERE epoch = $1 AND process = $2",
                    [.integer(epoch.signed), .integer(Int64(bitPattern: process))]))
        }
    }

    static func row(_ connection: PostgresConnection) throws(PostgresError) -> CenterLease.Row {
        let rows = try connection.run(PostgresStatement("SELECT epoch, holder, process, beat FROM authority.lease"))
        guard rows.count == 1, let epoch = rows.integer(0, 0), let holder = rows.text(0, 1),
            let process = rows.integer(0, 2), let beat = rows.integer(0, 3)
        else { throw .unreadable("the lease of the centers cannot be read") }
        guard epoch != Epoch.moved.signed else { throw .unreadable(Epoch.movedDetail) }
        return CenterLease.Row(
            epoch: Epoch(UInt64(bitPattern: epoch)), holder: holder, process: UInt64(bitPattern: process),
            beat: UInt64(bitPattern: beat))
    }

    // MARK: the log

    /// Commits a no-op under the epoch. After that, what is read is what this epoch's log has, and no earlier append comes
    /// late. To be called before this process appends.
    ///
    /// - Returns: The end of the log.
    package func begin(as epoch: Epoch) throws(StorageError) -> LogEnd {
        let head = try self.barrier(epoch)
        self.state.withLockedValue { $0 = State(head: head, wanted: nil) }
        return LogEnd(position: head.position, digest: head.digest)
    }

    private func barrier(_ epoch: Epoch) throws(StorageError) -> Head {
        do throws(StorageError) {
            return try self.decisions.run { (connection) throws(PostgresError) in
                let rows = try connection.transact([
                    PostgresStatement("SELECT authority.barrier($1)", [.integer(epoch.signed)]),
                    PostgresStatement("SELECT turn, appended, position, digest FROM authority.owner"),
                ])
                guard let row = rows.last, row.count == 1, let turn = row.integer(0, 0),
                    let appended = row.integer(0, 1), let position = row.integer(0, 2),
                    let (high, low) = row.text(0, 3).flatMap({ Hex.pair($0) })
                else { throw .unreadable("the end of the authority log cannot be read") }
                return Head(
                    turn: turn, appended: appended, position: position, digest: ChainDigest(high: high, low: low))
            }
        } catch { throw self.named(error) }
    }

    @discardableResult
    package func append(
        _ records: [AuthorityRecord], witnesses: [UnitID: LedgerHead?], acts: [OperatorAct], notes: [AuditNote],
        as epoch: Epoch
    ) throws(StorageError) -> Int64? {
        let state = self.state.withLockedValue { $0 }
        guard let head = state.head, state.wanted == nil else {
            throw .inDoubt(path: self.path, detail: "no barrier since the last loss of the connection")
        }
        var (next, inserts) = (head, [PostgresStatement]())
        next.turn += 1
        next.appended = next.turn
        for record in records {
            let bytes: [UInt8]
            do { bytes = Array(try JSONEncoder().encode(record)) } catch { throw StorageError(error, path: self.path) }
            next.position += 1
            next.digest = bytes.withUnsafeBytes { HashChain.next(after: next.digest, $0) }
            inserts.append(
                PostgresStatement(
                    "INSERT INTO authority.records VALUES ($1, $2, $3, $4)",
                    [
                        .integer(next.position), .integer(epoch.signed), .bytes(bytes), .text(next.digest.description),
                    ]))
        }
        let advance = PostgresStatement(
            "SELECT authority.advance($1, $2, $3, $4, $5)",
            [
                .integer(epoch.signed), .integer(head.turn), .integer(head.position),
                .integer(next.position - head.position), .text(next.digest.description),
            ])
        // The trail's head first, as when the desk writes: two transactions lock the same rows in the same order.
        let trail = (acts.compactMap(\.approval?.note) + notes).map(AuthorityTrail.statement)
        let all =
            trail + [advance] + (try self.statements(acts)) + inserts + witnesses.map(Self.statement)
        self.state.withLockedValue { $0.wanted = next }
        do throws(StorageError) {
            _ = try self.decisions.run { (connection) throws(PostgresError) in try connection.transact(all) }
        } catch {
            if case .inDoubt = error { throw error }
            self.state.withLockedValue { $0.wanted = nil }  // Nothing was sent, or the server has undone it.
            throw self.named(error)
        }
        self.state.withLockedValue { $0 = State(head: next, wanted: nil) }
        return records.isEmpty ? nil : next.position
    }

    package func settleDoubt(as epoch: Epoch) throws(StorageError) -> Bool {
        let state = self.state.withLockedValue { $0 }
        let found: Head
        do throws(StorageError) { found = try self.barrier(epoch) } catch {
            if case .superseded = error { throw error }
            throw .inDoubt(path: self.path, detail: "\(error)")
        }
        guard let head = state.head, found.appended != head.appended else {
            self.state.withLockedValue { $0 = State(head: found, wanted: nil) }
            return false
        }
        // It has this epoch's turn, so it is this process's append: position and digest say so, too.
        guard let wanted = state.wanted, found.appended == wanted.appended, found.position == wanted.position,
            found.digest == wanted.digest
        else { throw .superseded(path: self.path, current: epoch.rawValue) }
        self.state.withLockedValue { $0 = State(head: found, wanted: nil) }
        return true
    }

    /// A condition that does not hold means that another center has the log, or had it meanwhile.
    private func named(_ error: StorageError) -> StorageError {
        guard case .conditional = error else { return error }
        let current = try? self.desk.run { (connection) throws(PostgresError) in
            try connection.run(PostgresStatement("SELECT epoch FROM authority.owner")).integer(0, 0)
        }
        return .superseded(path: self.path, current: UInt64(bitPattern: (current ?? nil) ?? 0))
    }

    /// Writes on the second connection, unless a newer epoch has the log.
    func write(_ statements: [PostgresStatement], as epoch: Epoch) throws(StorageError) {
        // Last, so that the row of the owner is locked for the time of the commit only.
        let all = statements + [PostgresStatement("SELECT authority.hold($1)", [.integer(epoch.signed)])]
        do throws(StorageError) {
            _ = try self.desk.run { (connection) throws(PostgresError) in try connection.transact(all) }
        } catch { throw self.named(error) }
    }

    private static func statement(_ unit: UnitID, _ head: LedgerHead?) -> PostgresStatement {
        let number = PostgresValue.integer(Int64(unit.rawValue))
        guard let head else { return PostgresStatement("DELETE FROM authority.witnesses WHERE unit = $1", [number]) }
        return PostgresStatement(
            """
            INSERT INTO authority.witnesses VALUES ($1, $2, $3)
            ON CONFLICT (unit) DO UPDATE SET position = excluded.position, digest = excluded.digest
            """, [number, .integer(Int64(bitPattern: head.position)), .text(head.digest.description)])
    }

    /// Acts, and the ends of the proposals that they carry out. The lines of the approvals are not among them.
    func statements(_ acts: [OperatorAct]) throws(StorageError) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        for act in acts {
            statements += [
                PostgresStatement(
                    "INSERT INTO authority.acts (key, what) VALUES ($1, $2)", [.text(act.key), .text(act.what)]),
                PostgresStatement(
                    "DELETE FROM authority.acts WHERE id <= (SELECT max(id) FROM authority.acts) - $1",
                    [.integer(AuthorityStore.actsLimit)]),
            ]
            if let approval = act.approval {
                statements.append(try self.statement(approval.end, of: approval.proposal))
            }
        }
        return statements
    }
}

extension Epoch {
    /// As PostgreSQL's integers are.
    var signed: Int64 { Int64(bitPattern: self.rawValue) }
}
