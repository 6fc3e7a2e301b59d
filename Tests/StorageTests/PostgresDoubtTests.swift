import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

/// Commits in doubt that arrive late, as from a network that held them back.
@Suite struct PostgresDoubtTests {
    private let first = Incarnation(1)

    private func order(_ number: UInt64) -> LedgerEntry {
        .reserved(
            Order(
                id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 5, generation: Generation(1), stamp: Stamp(rawValue: number),
                deadline: Instant(microseconds: 9)))
    }

    private func open(_ server: PrivatePostgres) throws -> PostgresLedger {
        var settings = PostgresLedger.Settings(allowsUnreplicated: true)
        settings.limits.answerMilliseconds = 2_000
        let ledger = try PostgresLedger(
            try PostgresTarget(server.target), unit: UnitID(1), newID: LedgerID(77), settings: settings)
        try ledger.commit([.opened(self.first), .granted(LotID(1), total: 9)], as: self.first)
        // The next one has the same statements, which are prepared now.
        try ledger.commit([self.order(1)], as: self.first)
        return ledger
    }

    /// Commits an order that the server receives, and carries out only when it is told to.
    private func commitLate(_ number: UInt64, _ ledger: PostgresLedger, _ server: PrivatePostgres) throws -> pid_t {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tranche-unit%'"
        let process = try #require(pid_t(try server.scalar(sql)))
        kill(process, SIGSTOP)
        #expect(throws: StorageError.self) { try ledger.commit([self.order(number)], as: self.first) }
        return process
    }

    private func goOn(_ process: pid_t, _ server: PrivatePostgres, untilRows rows: Int) throws {
        kill(process, SIGCONT)
        for _ in 0..<500 {
            if try server.scalar("SELECT count(*) FROM journal") == "\(rows)" { return }
            usleep(10_000)
        }
        Issue.record("the late commit does not arrive")
    }

    @Test func aCommitInDoubtThatArrivesBehindTheBarrierIsFoundAndEndsNobody() throws {
        let server = try PrivatePostgres()
        let ledger = try self.open(server)
        let process = try self.commitLate(2, ledger, server)
        #expect(try ledger.recover().orders.count == 1, "it has not arrived yet")
        try self.goOn(process, server, untilRows: 3)
        // The ledger does not end where this process thinks.
        #expect(throws: StorageError.self) { try ledger.commit([.opened(Incarnation(2))], as: Incarnation(2)) }
        #expect(try ledger.recover().orders.count == 2)
        try ledger.commit([.opened(Incarnation(2)), self.order(3)], as: Incarnation(2))
    }

    @Test func aCommitInDoubtNeverArrivesBehindAnotherOne() throws {
        let server = try PrivatePostgres()
        let ledger = try self.open(server)
        let process = try self.commitLate(2, ledger, server)
        #expect(try ledger.recover().orders.count == 1)
        try ledger.commit([.opened(Incarnation(2))], as: Incarnation(2))
        let before = try server.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tranche-unit%'")
        kill(process, SIGCONT)
        for _ in 0..<500 where try server.scalar("SELECT count(*) FROM pg_stat_activity WHERE pid = \(process)") != "0"
        {
            usleep(10_000)
        }
        #expect(before == "2")
        #expect(try server.scalar("SELECT count(*) FROM journal") == "3", "it was refused")
        try ledger.commit([self.order(3)], as: Incarnation(2))
        #expect(try ledger.recover().orders.count == 2)
    }
}
