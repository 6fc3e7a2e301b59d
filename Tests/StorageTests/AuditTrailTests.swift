import Foundation
import GRDB
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("The audit trail", .serialized, .timeLimit(.minutes(2))) struct AuditTrailTests {
    private static func note(_ number: Int) -> AuditNote {
        AuditNote(
            at: Instant(milliseconds: Int64(number)), actor: "ann", action: "stock", sale: "summer",
            detail: "lot \(number): +5 ä\u{1F3AB}", before: "issued 5", after: "issued 10", key: "key-\(number)")
    }

    @Test("what a terminal would not show, or would show elsewhere, is replaced, and texts are cut by bytes")
    func textsAreClean() {
        func detail(_ text: String) -> String {
            AuditNote(at: .distantPast, actor: "a", action: "b", detail: text).detail
        }
        #expect(detail("ä\u{1F3AB} é") == "ä\u{1F3AB} é")
        #expect(detail("a\u{0}b\u{1B}c\u{7F}d\u{85}e\u{9B}f") == "a?b?c?d?e?f")
        #expect(detail("\r\n\u{202E}a\u{2028}b\u{2029}c\u{200B}d") == "???a?b?c?d")
        // One character with very many accents is one character, and no longer text than another.
        #expect(detail("e" + String(repeating: "\u{301}", count: 5_000)).utf8.count == 399)
        #expect(detail(String(repeating: "\u{1F3AB}", count: 200)).unicodeScalars.count == 100)
        #expect(detail(String(repeating: "a", count: 401)).utf8.count == 400)
    }

    /// What goes along the whole trail finds.
    private static func findings(_ store: any AuthorityStorage) throws -> [AuditFinding] {
        var check = AuditCheck()
        while true {
            let page = try store.auditPage(after: check.last.position)
            for line in page.lines { check.add(line) }
            if page.lines.isEmpty {
                check.end(page.head)
                return check.findings
            }
        }
    }

    /// Five lines, written in every way that there is.
    private static func fill(_ store: any AuthorityStorage, _ epoch: Epoch) throws {
        try store.append(
            [.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [OperatorAct(key: "key-1", what: "add")],
            notes: [Self.note(1), Self.note(2)], as: epoch)
        try store.append(Self.note(3), as: epoch)
        let version = AuthorityStore.ConfigVersion(
            version: 1, checksum: "c", content: Data("v".utf8), at: .distantPast, actor: "ann", note: "n")
        try store.append(version, act: nil, note: Self.note(4), as: epoch)
        try store.append([], witnesses: [:], acts: [], notes: [Self.note(5)], as: epoch)
        // What is not written has no line: the key is taken.
        #expect(throws: StorageError.self) {
            try store.append(
                [], witnesses: [:], acts: [OperatorAct(key: "key-1", what: "other")], notes: [Self.note(6)], as: epoch)
        }
    }

    /// What somebody does to the table `%`, and what is found then; each is undone by the next one's setup.
    private static let damages: [(sql: String, findings: [AuditFinding])] = [
        ("UPDATE % SET detail = 'lot 3: +6' WHERE position = 3", [.changed(3)]),
        ("UPDATE % SET at = at + 1 WHERE position = 1", [.changed(1)]),
        // What moves from one text to the next is found, too.
        ("UPDATE % SET actor = 'an', action = 'nstock' WHERE position = 2", [.changed(2)]),
        (
            "UPDATE % SET digest = '\(String(repeating: "0", count: 32))' WHERE position = 2",
            [.changed(2), .changed(3)]
        ),
        ("DELETE FROM % WHERE position = 2", [.missing(2...2)]),
        ("DELETE FROM % WHERE position IN (2, 3)", [.missing(2...3)]),
        ("DELETE FROM % WHERE position >= 4", [.missing(4...5)]),
        ("DELETE FROM %", [.missing(1...5)]),
        // Lines 3 and 4 change places.
        (
            """
            UPDATE % SET position = 9 WHERE position = 3; UPDATE % SET position = 3 WHERE position = 4;
            UPDATE % SET position = 4 WHERE position = 9
            """, [.changed(3), .changed(4), .changed(5)]
        ),
        ("UPDATE %_head SET position = 4", [.otherHead(5)]),
    ]

    @Test("a changed, removed or moved line is found and named, in a file") func damageIsFoundInFile() throws {
        for (sql, findings) in Self.damages {
            let path = try TemporaryFolder.make() + "/authority.sqlite"
            let store = try AuthorityStore(path: path)
            try Self.fill(store, Epoch(1))
            #expect(try Self.findings(store) == [])
            #expect(try store.auditTrail(limit: 2).map(\.position) == [5, 4])
            let last = try #require(try store.auditTrail(limit: 1).first)
            #expect(last.detail == Self.note(5).detail && last.before == "issued 5" && last.key == "key-5")
            try DatabaseQueue(path: path).write { try $0.execute(sql: sql.replacing("%", with: "trail")) }
            #expect(try Self.findings(store) == findings, "\(sql)")
        }
    }

    @Test("and in PostgreSQL, which chains its lines as this program does") func damageIsFoundInPostgres() throws {
        for (sql, findings) in Self.damages {
            let target = try PrivatePostgres.newDatabase()
            let store = PostgresAuthority(
                AuthoritySettings(
                    target: try PostgresTarget(target), allowsUnreplicated: true, permission: "authority.unreplicated"))
            let seen = try store.lease(.look, address: "http://1", process: 1)
            let epoch = try store.lease(.take(seen), address: "http://1", process: 1).epoch
            _ = try store.begin(as: epoch)
            try Self.fill(store, epoch)
            #expect(try Self.findings(store) == [])
            #expect(try store.auditTrail(limit: 2).map(\.position) == [5, 4])
            let connection = try PostgresConnection(try PostgresTarget(target), application: "test")
            try connection.run(script: sql.replacing("%", with: "authority.trail"))
            #expect(try Self.findings(store) == findings, "\(sql)")
        }
    }

    @Test("lines of an earlier version begin the chain, in a file") func olderLinesBeginTheChain() throws {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        _ = try AuthorityStore(path: path)
        // The file as it was before: with the older table, and without the newer ones.
        try DatabaseQueue(path: path).write {
            try $0.execute(
                sql: """
                    DROP TABLE trail; DROP TABLE trail_head;
                    DELETE FROM grdb_migrations WHERE identifier = 'v5: the audit trail is a chain';
                    CREATE TABLE audit (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL,
                        action TEXT NOT NULL, detail TEXT NOT NULL);
                    INSERT INTO audit (at, actor, action, detail) VALUES (7, 'bob', 'move', 'old'), (8, 'bob', 'drain', 'older');
                    """)
        }
        let store = try AuthorityStore(path: path)
        try store.append(Self.note(3), as: Epoch(1))
        #expect(try store.auditTrail(limit: 9).map(\.actor) == ["ann", "bob", "bob"])
        #expect(try store.auditTrail(limit: 9).map(\.position) == [3, 2, 1])
        #expect(try Self.findings(store) == [])
    }

    @Test("and in PostgreSQL, once, however many centers start") func olderLinesBeginTheChainInPostgres() throws {
        let target = try PrivatePostgres.newDatabase()
        let settings = AuthoritySettings(
            target: try PostgresTarget(target), allowsUnreplicated: true, permission: "authority.unreplicated")
        _ = try PostgresAuthority(settings).auditTrail(limit: 1)
        try PostgresConnection(try PostgresTarget(target), application: "test").run(
            script: """
                DROP TRIGGER note_older ON authority.audit; DROP FUNCTION authority.note_older;
                DROP TABLE authority.trail; DROP TABLE authority.trail_head;
                INSERT INTO authority.audit (at, actor, action, detail) VALUES (7, 'bob', 'move', 'old');
                """)
        for _ in 0..<2 {
            let store = PostgresAuthority(settings)
            #expect(try store.auditTrail(limit: 9).map(\.detail) == ["old"])
            #expect(try Self.findings(store) == [])
        }
    }

    @Test("a center of an earlier version that leads on in PostgreSQL writes into the chain, once")
    func olderCentersWriteIntoTheChain() throws {
        let target = try PrivatePostgres.newDatabase()
        let settings = AuthoritySettings(
            target: try PostgresTarget(target), allowsUnreplicated: true, permission: "authority.unreplicated")
        let store = PostgresAuthority(settings)
        try store.append(Self.note(1), as: Epoch(0))
        let older = try PostgresConnection(try PostgresTarget(target), application: "test")
        try older.run(
            script: """
                BEGIN; INSERT INTO authority.audit (at, actor, action, detail) VALUES (7, 'bob', 'move', 'old'); COMMIT;
                BEGIN; INSERT INTO authority.audit (at, actor, action, detail) VALUES (8, 'bob', 'move', 'lost'); ROLLBACK
                """)
        try store.append(Self.note(3), as: Epoch(0))
        // Another center starts, and imports nothing twice.
        for reader in [store, PostgresAuthority(settings)] {
            #expect(try reader.auditTrail(limit: 9).map(\.actor) == ["ann", "bob", "ann"])
            #expect(try reader.auditTrail(limit: 9).map(\.position) == [3, 2, 1])
            #expect(try Self.findings(reader) == [])
        }
    }
}
