import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore
import Verification

/// `verify` reads a unit's ledger wherever the note in the unit's folder says that it is.
@Suite struct PostgresEvidenceTests {
    private func make(_ folder: String) throws -> String {
        for name in ["/center", "/units/one"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        _ = try AuthorityStore(path: folder + "/center/authority.sqlite")
        let path = folder + "/units/one/ledger.sqlite"
        let ledger = try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(7))
        let orders = (1...20 as ClosedRange<UInt64>).map { number in
            LedgerEntry.reserved(
                Order(
                    id: OrderID(high: 1, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                    buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: number),
                    deadline: Instant(microseconds: 9)))
        }
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(rawValue: 1_000)), .granted(LotID(1), total: 30)] + orders,
            as: Incarnation(1))
        return path
    }

    private func findings(_ folder: String) throws -> [[String]] {
        try Verifier(folder: folder).report().checks.map(\.findings)
    }

    @Test func aLedgerIsJudgedAlikeInPostgres() throws {
        let folder = try TemporaryFolder.make()
        let path = try self.make(folder)
        let before = try self.findings(folder)
        let target = try PostgresTarget(try PrivatePostgres.newDatabase())
        _ = try LedgerCopy.move(.file(path), to: .postgres(target))
        try LedgerLocation.write(target, in: folder + "/units/one")
        #expect(throws: StorageError.self, "which of the two is in use?") { try self.findings(folder) }
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        #expect(try self.findings(folder) == before)
        #expect(LedgerFindings.of(try LedgerAudit(.postgres(target))).isEmpty)
        // A changed row is found there, too.
        try PostgresConnection(target, application: "test").run(
            script: "UPDATE accounts SET sold = sold - 1; UPDATE journal SET entries = entries || '\\x00'::bytea")
        let found = LedgerFindings.of(try LedgerAudit(.postgres(target)))
        #expect(found.contains { $0.contains("hash chain") } && found.count >= 2, "\(found)")
    }

    private func judged(_ folder: String, _ authority: (any AuthorityStorage)? = nil) throws -> [String] {
        try Verifier(folder: folder, authority: authority).report().checks.map { "\($0)" }
    }

    @Test func anAuthorityLogIsJudgedAlikeInPostgres() throws {
        let folder = try TemporaryFolder.make()
        _ = try self.make(folder)
        let file = folder + "/center/authority.sqlite"
        do {
            let center = try AuthorityStore(path: file)
            try center.append(
                [
                    .epoch(Epoch(1)), .issued(LotID(1), quantity: 40),
                    .registered(UnitID(1), LedgerID(7), Generation(1), Incarnation(1), session: 3),
                    .granted(LotID(1), UnitID(1), Generation(1), total: 30),
                ], witnesses: [:], as: Epoch(1))
        }
        let before = try self.judged(folder)
        #expect(before.contains { $0.contains("outstanding 30") }, "\(before)")
        let target = try PostgresTarget(try PrivatePostgres.newDatabase())
        _ = try AuthorityCopy.move(.file(file), to: .postgres(target), allowsUnreplicated: true)
        let store = PostgresAuthority(
            AuthoritySettings(target: target, allowsUnreplicated: true, permission: "authority.unreplicated"))
        #expect(try self.judged(folder, store) == before)
        #expect(throws: StorageError.self, "the file may lack what happened since") { try self.judged(folder) }
    }

    @Test func archivedOrdersAreComparedWithTheJournal() throws {
        let target = try PostgresTarget(try PrivatePostgres.newDatabase())
        let ledger = try PostgresLedger(
            target, unit: UnitID(1), newID: LedgerID(7), settings: PostgresLedger.Settings(allowsUnreplicated: true))
        let orders = (1...3 as ClosedRange<UInt64>).map { number in
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9))
        }
        try ledger.commit(
            [.opened(Incarnation(1)), .ceiling(Stamp(rawValue: 99)), .granted(LotID(1), total: 9)]
                + orders.map { .reserved($0) }
                + [.confirmed(orders[0], payment: PaymentID("p")!), .released(orders[1], state: .cancelled)]
                + [.released(orders[2], state: .expired)], as: Incarnation(1))
        let archived = try ledger.archives(in: "").write(LotID(1), of: ledger.recover().orders)
        try ledger.commit([.archived(archived)], as: Incarnation(1))
        try ledger.takeSnapshot(of: ledger.recover(), as: Incarnation(1))
        func findings() throws -> [String] { LedgerFindings.of(try LedgerAudit(.postgres(target))) }
        #expect(try findings().isEmpty)
        let connection = try PostgresConnection(target, application: "test")
        // The state of an order: behind 32 bytes and four small numbers.
        try connection.run(
            script: "UPDATE archived_orders SET form = set_byte(form, 36, 1) WHERE get_byte(form, 36) <> 1")
        #expect(try findings().contains { $0.contains("the archive of lot 1") })
        try connection.run(script: "DELETE FROM archived_orders")
        #expect(try findings().contains { $0.contains("is in no archive") })
    }
}
