import Foundation
import GRDB
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

/// The state of a center moves to PostgreSQL and back, and only one location can be led with.
@Suite("Moving the state of centers", .serialized, .timeLimit(.minutes(2))) struct AuthorityCopyTests {
    private static let lot = LotID(1)
    private static let unit = UnitID(4)
    private static let head = LedgerHead(position: .max, digest: ChainDigest(high: .max, low: 2))
    private static let act = OperatorAct(key: "monday", what: "add 5 to lot 1")

    private let path: String
    private var file: AuthorityLocation { .file(self.path) }

    init() throws { self.path = try TemporaryFolder.make() + "/authority.sqlite" }

    /// A log of some pages, and everything that is kept beside it.
    private func fill() throws {
        let store = try AuthorityStore(path: self.path)
        let epoch = Epoch(3)
        let begin: [AuthorityRecord] = [
            .epoch(epoch), .issued(Self.lot, quantity: 5),
            .registered(Self.unit, LedgerID(7), Generation(1), Incarnation(1), session: 3),
            .granted(Self.lot, Self.unit, Generation(1), total: 2),
        ]
        let position = try #require(
            try store.append(begin, witnesses: [Self.unit: Self.head], acts: [Self.act], as: epoch))
        try store.append(snapshot: try store.recover().book, at: position, as: epoch)
        try store.append((0..<450).map { .issued(LotID(2), quantity: $0) }, witnesses: [:], as: epoch)
        for number in 1...3 {
            let version = AuthorityStore.ConfigVersion(
                version: number, checksum: "c\(number)", content: Data([0, UInt8(number)]),
                at: Instant(microseconds: 9), actor: "ann", note: "größer")
            let note = AuditNote(at: Instant(microseconds: 9), actor: "ann", action: "config", detail: "größer")
            try store.append(version, act: nil, note: note, as: epoch)
        }
        try store.append(secret: "s", sale: "summer", as: epoch)
        try store.append(secret: "t", sale: "autumn", as: epoch)
        try store.append(AuditNote(at: .distantPast, actor: "bob", action: "pause", detail: "summer"), as: epoch)
    }

    private static func newTarget() throws -> PostgresTarget { try PostgresTarget(try PrivatePostgres.newDatabase()) }

    private static func store(_ target: PostgresTarget) -> PostgresAuthority {
        PostgresAuthority(AuthoritySettings(target: target, allowsUnreplicated: true, permission: "a trial"))
    }

    private func move(_ source: AuthorityLocation, to target: AuthorityLocation) throws -> AuthorityCopy.Contents {
        try AuthorityCopy.move(source, to: target, allowsUnreplicated: true)
    }

    /// Takes the lead, as a center that starts.
    private static func lead(_ store: PostgresAuthority) throws -> Epoch {
        let seen = try store.lease(.look, address: "http://1", process: 1)
        let row = try store.lease(.take(seen), address: "http://1", process: 1)
        _ = try store.begin(as: row.epoch)
        return row.epoch
    }

    /// What a reader finds, in words that can be compared.
    private static func all(_ store: any AuthorityStorage) throws -> [String] {
        let versions = try store.configVersions().map {
            "\($0.version) \($0.checksum) \(Array($0.content)) \($0.at) \($0.actor) \($0.note)"
        }
        let trail = try store.auditPage(after: 0)
        let audit = ["\(trail.head)"] + trail.lines.map { "\($0)" }
        let secrets = try ["summer", "autumn"].map { "\(try store.secret(sale: $0) { _ in true } ?? "none")" }
        let book = try store.recover().book
        let stock = [Self.lot, LotID(2)].map { "\(book.lots[$0]?.issued ?? 0) \(book.lots[$0]?.pool ?? 0)" }
        let rest = ["\(try store.witnesses() == [Self.unit: Self.head])", "\(try store.act("monday") == Self.act)"]
        return versions + audit + secrets + stock + rest + (try store.log().map { "\($0)" })
    }

    @Test("a log moves to PostgreSQL and back, record for record, and its epochs go on above")
    func logMovesThereAndBack() throws {
        try self.fill()
        let before = try Self.all(AuthorityStore(path: self.path))
        let target = try Self.newTarget()
        let there = try self.move(self.file, to: .postgres(target))
        #expect(there.records == 454 && there.end.position == 454 && there.epoch == Epoch(3))
        #expect(there.configs == 3 && there.auditLines == 4 && there.acts == 1)
        let store = Self.store(target)
        #expect(try Self.all(store) == before)
        #expect(try store.snapshot()?.end.position == 4)
        #expect(try store.follow(after: .empty) { _ in } == there.end)

        let epoch = try Self.lead(store)
        #expect(epoch == Epoch(4))
        #expect(try store.append([.epoch(epoch)], witnesses: [:], as: epoch) == 455)
        try store.append([], witnesses: [:], acts: [OperatorAct(key: "tuesday", what: "pause")], as: epoch)
        try store.append(AuditNote(at: .distantPast, actor: "bob", action: "resume", detail: "summer"), as: epoch)
        #expect(try store.auditTrail(limit: 1).map(\.action) == ["resume"])
        try store.giveBack(epoch, process: 1)

        let other = self.path + "-2"
        let back = try self.move(.postgres(target), to: .file(other))
        #expect(back.records == 455 && back.epoch == Epoch(4) && back.acts == 2)
        let again = try AuthorityStore(path: other)
        #expect(try again.log().count == 455 && again.recover().book.epoch == Epoch(4))
        #expect(throws: StorageError.superseded(path: other, current: 4)) {
            try again.append([.issued(Self.lot, quantity: 1)], witnesses: [:], as: Epoch(3))
        }
        #expect(try again.append([.epoch(Epoch(5))], witnesses: [:], as: Epoch(5)) == 456)
    }

    @Test("no center leads with a location that was copied from, and nothing is copied from it again")
    func sourceIsClosed() throws {
        try self.fill()
        let running = try AuthorityStore(path: self.path)
        let target = try Self.newTarget()
        _ = try self.move(self.file, to: .postgres(target))
        #expect(throws: StorageError.self) { try AuthorityStore(path: self.path) }
        #expect(throws: StorageError.self) { try AuthorityStore(reading: self.path) }
        #expect(throws: StorageError.self, "also one that has the file open") {
            try running.append([.issued(Self.lot, quantity: 1)], witnesses: [:], as: Epoch(4))
        }
        #expect(throws: StorageError.self) { try self.move(self.file, to: .postgres(Self.newTarget())) }

        let (store, led) = (Self.store(target), Self.store(target))
        let epoch = try Self.lead(led)
        try led.append([.epoch(epoch)], witnesses: [:], as: epoch)
        try led.giveBack(epoch, process: 1)
        _ = try self.move(.postgres(target), to: .file(self.path + "-2"))
        #expect(throws: StorageError.self) { try store.lease(.look, address: "http://2", process: 2) }
        #expect(throws: StorageError.self) { try led.append([], witnesses: [:], as: epoch) }
        #expect(throws: StorageError.self) { try self.move(.postgres(target), to: .file(self.path + "-3")) }
    }

    @Test("a copy whose end was lost is completed by a repetition, until a center has gone on")
    func repetitionCompletesCopy() throws {
        try self.fill()
        let target = try Self.newTarget()
        let first = try self.move(self.file, to: .postgres(target))
        func reopen() throws {
            try DatabaseQueue(path: self.path).write { try $0.execute(sql: "UPDATE owner SET epoch = 3") }
        }
        try reopen()
        #expect(try self.move(self.file, to: .postgres(target)) == first)
        #expect(throws: StorageError.self) { try AuthorityStore(path: self.path) }
        try reopen()
        let store = Self.store(target)
        let epoch = try Self.lead(store)
        try store.append([.epoch(epoch)], witnesses: [:], as: epoch)
        #expect(throws: StorageError.self, "it has a log of its own") {
            try self.move(self.file, to: .postgres(target))
        }
        _ = try AuthorityStore(path: self.path)
    }

    @Test("a log that does not check is not copied, and nothing has changed")
    func wrongLogIsRefused() throws {
        try self.fill()
        let target = try Self.newTarget()
        for damage in [
            "DELETE FROM records WHERE position = 7", "UPDATE records SET record = x'7b7d' WHERE position = 9",
            "UPDATE records SET epoch = 9 WHERE position = 454", "UPDATE snapshots SET position = 455",
            "UPDATE configs SET note = x'00' WHERE version = 2", "DELETE FROM records WHERE position = 2",
        ] {
            let copy = try TemporaryFolder.make() + "/authority.sqlite"
            try DatabaseQueue(path: self.path).backup(to: DatabaseQueue(path: copy))
            try DatabaseQueue(path: copy).write { try $0.execute(sql: damage) }
            #expect(throws: StorageError.self, "\(damage)") { try self.move(.file(copy), to: .postgres(target)) }
            #expect(try Self.store(target).lease(.look, address: "", process: 1).epoch == Epoch(0))
            #expect(try Self.store(target).log().isEmpty)
            _ = try AuthorityStore(path: copy)
        }
        // An empty place has everything or nothing, so the same one serves the right log.
        #expect(try self.move(self.file, to: .postgres(target)).records == 454)
    }

    @Test("what is in use, missing, not empty, or of a server that loses commits is refused")
    func wrongLocationsAreRefused() throws {
        try self.fill()
        let target = try Self.newTarget()
        do {
            let lock = try FolderLock(folder: (self.path as NSString).deletingLastPathComponent)
            let error = #expect(throws: StorageError.self) { try self.move(self.file, to: .postgres(target)) }
            guard case .inUse? = error else {
                Issue.record("expected in use, got \(String(describing: error))")
                return
            }
            withExtendedLifetime(lock) {}
        }
        #expect(throws: StorageError.self, "no standby confirms") {
            try AuthorityCopy.move(self.file, to: .postgres(target))
        }
        #expect(throws: StorageError.self) { try self.move(self.file, to: self.file) }
        #expect(throws: StorageError.self) { try self.move(.file(self.path + "-2"), to: .postgres(target)) }
        #expect(throws: StorageError.self, "an empty log") {
            try self.move(.postgres(target), to: .file(self.path + "-2"))
        }
        // Whoever leads has begun a log there.
        let store = Self.store(target)
        let epoch = try Self.lead(store)
        #expect(throws: StorageError.self) { try self.move(self.file, to: .postgres(target)) }
        try store.append([.epoch(epoch), .issued(Self.lot, quantity: 1)], witnesses: [:], as: epoch)
        // It shows that it lives.
        let beats = Thread {
            while !Thread.current.isCancelled {
                _ = try? store.lease(.beat(epoch), address: "http://1", process: 1)
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
        beats.start()
        defer { beats.cancel() }
        #expect(throws: StorageError.inUse(path: "\(target)")) {
            try self.move(.postgres(target), to: .file(self.path + "-2"))
        }
        #expect(!FileManager.default.fileExists(atPath: self.path + "-2"))
        _ = try AuthorityStore(path: self.path)
    }
}
