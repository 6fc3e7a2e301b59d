import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

/// What a ledger in PostgreSQL promises beside what all ledgers do: one writer, and no answer on the word of one
/// machine.
@Suite struct PostgresLedgerTests {
    private let first = Incarnation(1)

    private func order(_ number: UInt64) -> LedgerEntry {
        .reserved(
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 5, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9)))
    }

    private func open(
        _ target: String, answerMilliseconds: Int = 5_000, allowsUnreplicated: Bool = true
    ) throws -> PostgresLedger {
        var settings = PostgresLedger.Settings(allowsUnreplicated: allowsUnreplicated)
        settings.limits.answerMilliseconds = answerMilliseconds
        settings.limits.lockMilliseconds = 300
        return try PostgresLedger(
            try PostgresTarget(target), unit: UnitID(1), newID: LedgerID(77), settings: settings)
    }

    /// Writes each of the positions unless another writer has done so, and returns how many it has written.
    private static func race(_ target: String, positions: Int64) throws -> Int64 {
        // Who is first is a question of locks, and not of disks.
        let connection = try PostgresConnection(
            try PostgresTarget(target + " options='-c synchronous_commit=off'"), application: "race")
        func digest(_ position: Int64) -> PostgresValue {
            .bytes(withUnsafeBytes(of: (position.bigEndian, Int64(0))) { Array($0) })
        }
        var won: Int64 = 0
        for position in 1...positions {
            do throws(PostgresError) {
                _ = try connection.transact([
                    PostgresStatement(
                        "SELECT ledger_claim($1, $2, $3, 0)",
                        [.integer(1), .integer(position - 1), digest(position - 1)]),
                    PostgresStatement(
                        "INSERT INTO journal (position, digest, entries) VALUES ($1, $2, $3)",
                        [.integer(position), digest(position), .bytes([])]),
                ])
                won += 1
            } catch { guard error.state == "TR002" else { throw error } }
        }
        return won
    }

    @Test func ofTwoWritersExactlyOneWritesEachPosition() async throws {
        let (target, positions) = (try PrivatePostgres.newDatabase(), Int64(10_000))
        _ = try self.open(target)
        let wins = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<2 { group.addTask { try Self.race(target, positions: positions) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(wins.reduce(0, +) == positions, "\(wins)")
        let rows = try PostgresConnection(try PostgresTarget(target), application: "test").run(
            PostgresStatement("SELECT count(*), max(position) FROM journal"))
        #expect(rows.integer(0, 0) == positions && rows.integer(0, 1) == positions)
    }

    @Test func aWriterOfTheSameIncarnationIsFoundOut() throws {
        let target = try PrivatePostgres.newDatabase()
        let (one, other) = (try self.open(target), try self.open(target))
        _ = try (one.recover(), other.recover())
        try one.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        // It knows of an empty ledger, and that is not the end any more.
        #expect(throws: StorageError.self) { try other.commit([.opened(self.first)], as: self.first) }
        #expect(throws: StorageError.superseded(path: other.location, current: 1)) { try other.recover() }
        try one.commit([self.order(1)], as: self.first)
        // A process that begins goes on from whatever it finds.
        let third = try self.open(target)
        #expect(try third.recover().orders.count == 1)
        try third.commit([self.order(2)], as: self.first)
        #expect(throws: StorageError.self) { try one.commit([self.order(3)], as: self.first) }
        #expect(throws: StorageError.superseded(path: one.location, current: 1)) { try one.recover() }
    }

    @Test func aServerThatLosesCommitsIsRefusedByTheNameOfItsSetting() throws {
        let target = try PrivatePostgres.newDatabase()
        for (options, setting, isTrial) in [
            ("", "synchronous_standby_names", false), ("-c synchronous_commit=local", "synchronous_commit", true),
            ("-c synchronous_commit=remote_write", "synchronous_commit", true),
            ("-c synchronous_commit=off", "synchronous_commit", true),
        ] {
            let error = #expect(throws: StorageError.self) {
                try self.open(target + " options='\(options)'", allowsUnreplicated: isTrial)
            }
            guard case .unsafe(_, let detail)? = error else {
                Issue.record("expected unsafe, got \(String(describing: error))")
                continue
            }
            #expect(detail.contains(setting))
            #expect(isTrial || detail.contains("ledger.unreplicated"))
        }
    }

    @Test func aServerThatGivesItsStandbysUpTakesNothingMore() throws {
        let primary = try PrivatePostgres()
        let standby = try PrivatePostgres(standbyOf: primary, name: "a")
        try primary.set("synchronous_standby_names", "ANY 1 (a)")
        let ledger = try self.open(primary.target, allowsUnreplicated: false)
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try primary.set("synchronous_standby_names", "")
        let error = #expect(throws: StorageError.self) { try ledger.commit([self.order(1)], as: self.first) }
        guard case .unsafe? = error else {
            Issue.record("expected unsafe, got \(String(describing: error))")
            return
        }
        try primary.set("synchronous_standby_names", "ANY 1 (a)")
        #expect(try ledger.recover().orders.isEmpty)
        try ledger.commit([self.order(1)], as: self.first)
        withExtendedLifetime(standby) {}
    }

    @Test func aCommitInDoubtIsFoundOutBehindABarrier() throws {
        let server = try PrivatePostgres()
        let ledger = try self.open(server.target, answerMilliseconds: 700)
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        let head = ledger.head
        try server.set("synchronous_standby_names", "ANY 1 (nobody)")
        // The commit is on the primary's disk, and visible to nobody: it waits for a standby.
        #expect(throws: StorageError.self) { try ledger.commit([self.order(1)], as: self.first) }
        #expect(ledger.head == head)
        #expect(throws: StorageError.self) { try ledger.commit([self.order(1)], as: self.first) }
        // No barrier is confirmed, so nothing is believed.
        for _ in 0..<3 { #expect(throws: StorageError.self) { try ledger.recover() } }
        #expect(throws: StorageError.self) { try ledger.head(at: 99) }
        try server.set("synchronous_standby_names", "")
        let book = try self.recovered(ledger)
        #expect(book.orders.count == 1, "the server kept it")
        try ledger.commit([self.order(2)], as: self.first)
        #expect(try LedgerAudit(try LedgerLocation(server.target)).commits.allSatisfy { $0.isChained })
    }

    /// The server needs a moment to let a waiting transaction go.
    private func recovered(_ ledger: PostgresLedger) throws -> UnitBook {
        for _ in 0..<100 {
            if let book = try? ledger.recover() { return book }
            usleep(100_000)
        }
        return try ledger.recover()
    }

    @Test func aWaitThatSomebodyCancelledIsInDoubt() async throws {
        let server = try PrivatePostgres()
        let ledger = try self.open(server.target)
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try server.set("synchronous_standby_names", "ANY 1 (nobody)")
        let target = server.target
        let canceller = Task {
            let connection = try PostgresConnection(try PostgresTarget(target), application: "test")
            let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            while try connection.run(PostgresStatement(cancel)).count == 0 { usleep(20_000) }
        }
        // The server calls this commit successful, although no standby has it.
        #expect(throws: StorageError.self) { try ledger.commit([self.order(1)], as: self.first) }
        try await canceller.value
        #expect(throws: StorageError.self) { try ledger.commit([self.order(2)], as: self.first) }
        try server.set("synchronous_standby_names", "")
        #expect(try self.recovered(ledger).orders.count == 1)
    }

    @Test func aConnectionThatEndedTookNothing() throws {
        let server = try PrivatePostgres()
        let ledger = try self.open(server.target)
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tranche-unit%'")
        #expect(throws: StorageError.self) { try ledger.commit([self.order(1)], as: self.first) }
        #expect(try ledger.recover().orders.isEmpty)
        try ledger.commit([self.order(1)], as: self.first)
        server.crash()
        #expect(throws: StorageError.self) { try ledger.commit([self.order(2)], as: self.first) }
        #expect(throws: StorageError.self) { try ledger.recover() }
        try server.start()
        #expect(try ledger.recover().orders.count == 1)
        try ledger.commit([self.order(2)], as: self.first)
    }

    @Test func aPromotedStandbyGoesOnWithEveryConfirmedOrder() throws {
        let primary = try PrivatePostgres()
        let standby = try PrivatePostgres(standbyOf: primary, name: "a")
        try primary.set("synchronous_standby_names", "ANY 1 (a)")
        let ledger = try self.open(self.both(primary, standby))
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 90)], as: self.first)
        for number: UInt64 in 1...50 { try ledger.commit([self.order(number)], as: self.first) }
        primary.crash()
        #expect(throws: StorageError.self) { try ledger.commit([self.order(51)], as: self.first) }
        #expect(throws: StorageError.self, "a standby is no place to decide") { try ledger.recover() }
        try standby.promote()
        #expect(try ledger.recover().orders.count == 50)
        try ledger.commit([self.order(52)], as: self.first)
        // A start elsewhere finds the same.
        #expect(try self.open(standby.target).recover().orders.count == 51)
    }

    @Test func aStandbyThatLacksConfirmedOrdersIsRefused() throws {
        let primary = try PrivatePostgres()
        let standby = try PrivatePostgres(standbyOf: primary, name: "a")
        // A trial without replication: this is what it risks.
        let ledger = try self.open(self.both(primary, standby))
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        try self.waitForRows(1, at: standby)
        standby.crash()
        try ledger.commit([self.order(1)], as: self.first)
        primary.crash()
        try standby.start()
        try standby.promote()
        #expect(throws: StorageError.self, "this call finds that its connection is gone") { try ledger.recover() }
        for _ in 0..<2 {
            let error = #expect(throws: StorageError.self) { try ledger.recover() }
            guard case .diverged? = error else {
                Issue.record("expected diverged, got \(String(describing: error))")
                return
            }
            #expect(throws: StorageError.self) { try ledger.commit([self.order(2)], as: self.first) }
        }
        // The right one comes back, and stands first in the list.
        standby.crash()
        try primary.start()
        #expect(try ledger.recover().orders.count == 1)
    }

    private func both(_ primary: PrivatePostgres, _ standby: PrivatePostgres) -> String {
        "host=\(primary.folder),\(standby.folder) port=5432 user=tranche dbname=postgres"
    }

    private func waitForRows(_ count: Int64, at standby: PrivatePostgres) throws {
        // The journal of the standby, asked with a tool that needs no primary.
        for _ in 0..<500 {
            if try standby.scalar("SELECT count(*) FROM journal") == "\(count)" { return }
            usleep(10_000)
        }
        Issue.record("the standby does not follow")
    }

    @Test func aLedgerMovesBetweenEnginesDigestForDigest() throws {
        let file = try LedgerBox(.sqlite)
        let ledger = try file.open()
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 2_000)], as: self.first)
        for number: UInt64 in 1...700 {
            try ledger.commit([self.order(number)], as: self.first)
            if number % 9 == 0 { try ledger.commit([.nonce(number)], as: self.first) }
        }
        try ledger.commit([.ceiling(Stamp(rawValue: 77_777))], as: self.first)
        let there = try file.copyInto(.postgres)
        let back = try there.copyInto(.sqlite)
        let before = try file.audit()
        for copy in [there, back] {
            let after = try copy.audit()
            #expect(after.commits.map(\.head) == before.commits.map(\.head))
            #expect(after.commits.map(\.entries) == before.commits.map(\.entries))
            #expect(after.accounts == before.accounts && after.ledger == before.ledger)
            let book = try copy.open().recover()
            #expect(book.orders.count == 700 && book.ceiling == Stamp(rawValue: 77_777))
        }
        #expect(throws: StorageError.self, "the location is not empty") {
            try LedgerCopy.move(file.location, to: there.location)
        }
    }
}
