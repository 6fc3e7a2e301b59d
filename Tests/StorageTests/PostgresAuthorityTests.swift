import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

/// A real server; the same store as two centers see it.
@Suite("Authority log in PostgreSQL", .serialized, .timeLimit(.minutes(2))) struct PostgresAuthorityTests {
    private static func store(_ target: String) throws -> PostgresAuthority {
        PostgresAuthority(
            AuthoritySettings(
                target: try PostgresTarget(target), allowsUnreplicated: true, permission: "authority.unreplicated"))
    }

    /// Takes the lease whoever has it, and begins to write.
    @discardableResult
    private static func lead(_ store: PostgresAuthority, process: UInt64) throws -> Epoch {
        let seen = try store.lease(.look, address: "http://\(process)", process: process)
        let row = try store.lease(.take(seen), address: "http://\(process)", process: process)
        #expect(row.process == process && row.epoch == seen.epoch.next)
        _ = try store.begin(as: row.epoch)
        return row.epoch
    }

    private static func issued(_ store: PostgresAuthority) throws -> Int {
        try store.recover().book.lots[LotID(1)]?.issued ?? 0
    }

    @Test("whoever takes the lease shuts the last one out of everything") func takerShutsOthersOut() throws {
        let target = try PrivatePostgres.newDatabase()
        let (first, second) = (try Self.store(target), try Self.store(target))
        let epoch = try Self.lead(first, process: 1)
        let head = LedgerHead(position: .max, digest: ChainDigest(high: .max, low: 2))
        let position = try first.append(
            [.epoch(epoch), .issued(LotID(1), quantity: 5)], witnesses: [UnitID(4): head], as: epoch)
        #expect(position == 2)
        let seen = try first.lease(.look, address: "http://1", process: 1)
        // A row that has changed meanwhile is not taken, and only its owner beats.
        #expect(try first.lease(.beat(epoch), address: "http://1", process: 1).beat == seen.beat + 1)
        #expect(try second.lease(.beat(epoch), address: "http://2", process: 2).beat == seen.beat + 1)
        #expect(try second.lease(.take(seen), address: "http://2", process: 2).process == 1)

        let next = try Self.lead(second, process: 2)
        let superseded = StorageError.superseded(path: first.path, current: next.rawValue)
        #expect(throws: superseded) { try first.append([.issued(LotID(1), quantity: 1)], witnesses: [:], as: epoch) }
        #expect(throws: superseded) { try first.append([], witnesses: [:], as: epoch) }
        #expect(throws: superseded) { try first.append(secret: "s", sale: "summer", as: epoch) }
        #expect(throws: superseded) { try first.settleDoubt(as: epoch) }
        #expect(throws: superseded) {
            try first.append(AuditNote(at: .distantPast, actor: "a", action: "b", detail: "c"), as: epoch)
        }
        #expect(try second.append([.epoch(next)], witnesses: [:], as: next) == 3)
        #expect(try second.witnesses() == [UnitID(4): head])
        #expect(try Self.issued(first) == 5)
        #expect(try second.secret(sale: "summer") { _ in true } == nil)
    }

    @Test("records come back over a snapshot; an act is stored with its records, or neither is; versions come back")
    func stateComesBack() throws {
        let target = try PrivatePostgres.newDatabase()
        let store = try Self.store(target)
        let epoch = try Self.lead(store, process: 1)
        let act = OperatorAct(key: "monday", what: "add 5 to lot 1")
        let position = try store.append(
            [.epoch(epoch), .issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act], as: epoch)
        #expect(throws: StorageError.self) {
            try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act], as: epoch)
        }
        #expect(try store.act("monday") == act && store.act("tuesday") == nil)
        try store.append(snapshot: try store.recover().book, at: try #require(position), as: epoch)
        try store.append([.issued(LotID(1), quantity: 2)], witnesses: [:], as: epoch)
        #expect(try Self.issued(store) == 7)
        #expect(try store.snapshot()?.end.position == 2)
        try store.append([.carried([Carry(from: LotID(1), to: LotID(2), quantity: 3)])], witnesses: [:], as: epoch)
        let lots = try store.recover().book.lots
        #expect(lots[LotID(1)]?.carried == 3 && lots[LotID(2)]?.pool == 3)
        #expect(try store.log().count == 4)
        let note = AuditNote(at: .distantPast, actor: "a", action: "config", detail: "n")
        for number in 1...3 {
            let version = AuthorityStore.ConfigVersion(
                version: number, checksum: "c", content: Data("v\(number)".utf8), at: .distantPast, actor: "a",
                note: "n")
            try store.append(version, act: nil, note: note, as: epoch)
            #expect(throws: StorageError.self) { try store.append(version, act: nil, note: note, as: epoch) }
        }
        #expect(try store.configVersions(limit: 2).map(\.version) == [3, 2])
        #expect(try store.config(version: 1)?.content == Data("v1".utf8))
        #expect(try store.auditTrail().count == 3)
    }

    @Test("a record that was changed or removed is found out") func changedRecordIsFound() throws {
        let target = try PrivatePostgres.newDatabase()
        let store = try Self.store(target)
        let epoch = try Self.lead(store, process: 1)
        for _ in 0..<3 { try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], as: epoch) }
        let connection = try PostgresConnection(try PostgresTarget(target), application: "test")
        try connection.run(script: "UPDATE authority.records SET record = record || '\\x20' WHERE position = 2")
        #expect(throws: StorageError.self) { try store.log() }
        try connection.run(script: "DELETE FROM authority.records WHERE position = 2")
        #expect(throws: StorageError.self) { try store.log() }
    }

    @Test("a broken connection leaves the append in doubt; the barrier says that it was not carried out")
    func barrierFindsWhatWasNotDone() throws {
        let target = try PrivatePostgres.newDatabase()
        let store = try Self.store(target)
        let epoch = try Self.lead(store, process: 1)
        try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], as: epoch)
        try PostgresConnection(try PostgresTarget(target), application: "test").run(
            script: """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'tranche%'
                """)
        let error = #expect(throws: StorageError.self) {
            try store.append([.issued(LotID(1), quantity: 1)], witnesses: [:], as: epoch)
        }
        guard case .inDoubt = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // Nothing is appended before the barrier.
        #expect(throws: StorageError.self) { try store.append([], witnesses: [:], as: epoch) }
        #expect(try store.settleDoubt(as: epoch) == false)
        try store.append([.issued(LotID(1), quantity: 2)], witnesses: [:], as: epoch)
        #expect(try Self.issued(store) == 7)
    }

    @Test("a commit whose answer is late is in doubt; the barrier waits for it, and says that it was carried out")
    func barrierFindsWhatWasDone() throws {
        let target = try PrivatePostgres.newDatabase()
        let store = try Self.store(target)
        let epoch = try Self.lead(store, process: 1)
        let connection = try PostgresConnection(try PostgresTarget(target), application: "test")
        // The commit itself takes longer than its writer waits.
        try connection.run(
            script: """
                CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON authority.records DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION slow();
                """)
        let error = #expect(throws: StorageError.self) {
            try store.append([.issued(LotID(1), quantity: 5)], witnesses: [:], as: epoch)
        }
        guard case .inDoubt = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        var isDone: Bool?
        for _ in 0..<20 where isDone == nil { isDone = try? store.settleDoubt(as: epoch) }
        #expect(isDone == true)
        try connection.run(script: "DROP TRIGGER slow ON authority.records")
        try store.append([.issued(LotID(1), quantity: 2)], witnesses: [:], as: epoch)
        #expect(try Self.issued(store) == 7)
    }

    /// Takes the lease, if nobody else does at the same time, and appends.
    ///
    /// - Returns: Whether the append was acknowledged.
    private static func race(_ store: PostgresAuthority, process: UInt64) -> Bool {
        guard let seen = try? store.lease(.look, address: "http://\(process)", process: process),
            let row = try? store.lease(.take(seen), address: "http://\(process)", process: process),
            row.process == process, (try? store.begin(as: row.epoch)) != nil
        else { return false }
        return (try? store.append([.epoch(row.epoch), .issued(LotID(1), quantity: 1)], witnesses: [:], as: row.epoch))
            != nil
    }

    @Test("of centers that race for the lease, what was acknowledged is in the log once, under rising epochs")
    func racesLeaveOneLog() async throws {
        let target = try PrivatePostgres.newDatabase()
        let stores = [try Self.store(target), try Self.store(target), try Self.store(target)]
        var acknowledged = 0
        for _ in 0..<200 {
            acknowledged += await withTaskGroup(of: Bool.self) { group in
                for (number, store) in stores.enumerated() {
                    group.addTask { Self.race(store, process: UInt64(number + 1)) }
                }
                var count = 0
                for await isDone in group where isDone { count += 1 }
                return count
            }
        }
        #expect(acknowledged > 0)
        let log = try stores[0].log()
        let epochs = log.compactMap { if case .epoch(let epoch) = $0 { epoch } else { nil } }
        #expect(epochs.count == acknowledged && log.count == 2 * acknowledged)
        #expect(zip(epochs, epochs.dropFirst()).allSatisfy { $0 < $1 })
        #expect(try Self.issued(stores[0]) == acknowledged)
    }
}
