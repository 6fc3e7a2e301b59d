import Foundation
import GRDB
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheCore

@Suite("Proposals on disk", .serialized, .timeLimit(.minutes(2))) struct ProposalStoreTests {
    private static let at = Instant(milliseconds: 5_000)

    private static func proposal(_ id: UInt64) -> Proposal {
        Proposal(
            id: id,
            act: .settleQuota(
                LotID(1), UnitID(4), Generation(1), sold: 3,
                seen: ProposedAct.AccountSeen(AuthorityBook().account(LotID(1), UnitID(4), Generation(1)))),
            by: "ann", reason: "größer", key: "key-\(id)", at: self.at, expiresAt: self.at.advanced(milliseconds: 9))
    }

    private static func note(_ action: String) -> AuditNote {
        AuditNote(at: self.at, actor: "ann", action: action, detail: "d")
    }

    private static func end(_ outcome: ProposalEnd.Outcome) -> ProposalEnd {
        ProposalEnd(outcome, by: "bob", reason: "checked", at: self.at)
    }

    private static func file() throws -> (store: any AuthorityStorage, epoch: Epoch, path: String) {
        let path = try TemporaryFolder.make() + "/authority.sqlite"
        let store = try AuthorityStore(path: path)
        try store.append([.epoch(Epoch(1))], witnesses: [:], as: Epoch(1))
        return (store, Epoch(1), path)
    }

    private static func postgres() throws -> (store: any AuthorityStorage, epoch: Epoch) {
        let target = try PostgresTarget(try PrivatePostgres.newDatabase())
        let store = PostgresAuthority(
            AuthoritySettings(target: target, allowsUnreplicated: true, permission: "a trial"))
        let seen = try store.lease(.look, address: "http://1", process: 1)
        let row = try store.lease(.take(seen), address: "http://1", process: 1)
        _ = try store.begin(as: row.epoch)
        return (store, row.epoch)
    }

    /// An approved act, in both ways in which acts are written; each with one end, one line of the approval, and its own.
    private static func check(_ store: any AuthorityStorage, _ epoch: Epoch) throws {
        for id in 1...4 as ClosedRange<UInt64> {
            try store.append(self.proposal(id), note: self.note("propose"), as: epoch)
        }
        func act(_ id: UInt64, key: String) -> OperatorAct {
            OperatorAct(
                key: key, what: "w",
                approval: OperatorAct.Approval(proposal: id, end: self.end(.approved), note: self.note("approve")))
        }
        try store.append(
            [.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act(1, key: "a")], notes: [self.note("settle")],
            as: epoch)
        let version = AuthorityStore.ConfigVersion(
            version: 1, checksum: "c", content: Data("v".utf8), at: self.at, actor: "ann", note: "n")
        try store.append(version, act: act(2, key: "b"), note: self.note("config"), as: epoch)
        try store.append(self.end(.withdrawn), of: 3, note: self.note("proposal withdrawn"), as: epoch)
        let all = try store.proposals()
        #expect(all.map(\.proposal) == (1...4).map { self.proposal($0) })
        #expect(all.map(\.end) == [self.end(.approved), self.end(.approved), self.end(.withdrawn), nil])
        let lines = try store.auditTrail().reversed().map(\.action)
        #expect(
            lines == Array(repeating: "propose", count: 4) + [
                "approve", "settle", "approve", "config", "proposal withdrawn",
            ])
        // A second end of one proposal undoes its whole transaction: no stock, no act, no line.
        for id in 1...3 as ClosedRange<UInt64> {
            #expect(throws: StorageError.self) {
                try store.append(
                    [.issued(LotID(1), quantity: 5)], witnesses: [:], acts: [act(id, key: "again \(id)")],
                    notes: [self.note("settle")], as: epoch)
            }
            #expect(try store.act("again \(id)") == nil)
        }
        #expect(try store.recover().book.lots[LotID(1)]?.issued == 5)
        #expect(try store.auditTrail().count == lines.count)
        // Equal acts are the same request, whoever approved.
        #expect(try store.act("a") == OperatorAct(key: "a", what: "w"))
    }

    @Test("an approved act and the end of its proposal are written together, once, in a file")
    func fileKeepsProposals() throws {
        let (store, epoch, path) = try Self.file()
        try Self.check(store, epoch)
        #expect(try AuthorityStore(path: path).proposals() == store.proposals())
    }

    @Test("an approved act and the end of its proposal are written together, once, in PostgreSQL")
    func postgresKeepsProposals() throws {
        let (store, epoch) = try Self.postgres()
        try Self.check(store, epoch)
    }

    @Test("the oldest proposals are deleted, with their ends") func oldestAreDeleted() throws {
        let (store, epoch, path) = try Self.file()
        let last = UInt64(AuthorityStore.proposalsLimit) + 1
        try store.append(Self.proposal(1), note: Self.note("propose"), as: epoch)
        try store.append(Self.end(.withdrawn), of: 1, note: Self.note("proposal withdrawn"), as: epoch)
        try store.append(Self.proposal(last), note: Self.note("propose"), as: epoch)
        #expect(try store.proposals().map(\.proposal.id) == [last])
        let ends = try DatabaseQueue(path: path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM proposal_ends")
        }
        #expect(ends == 0)
    }

    @Test("a file of the last version gets its tables, and keeps what it has") func earlierFilesLoad() throws {
        let (store, epoch, path) = try Self.file()
        try store.append([], witnesses: [:], acts: [OperatorAct(key: "old", what: "pause")], as: epoch)
        try DatabaseQueue(path: path).write {
            try $0.execute(
                sql: """
                    DROP TABLE proposals; DROP TABLE proposal_ends;
                    DELETE FROM grdb_migrations WHERE identifier = 'v6: proposals of operators';
                    """)
        }
        let again = try AuthorityStore(path: path)
        #expect(try again.proposals().isEmpty && again.act("old") != nil)
        try again.append(Self.proposal(1), note: Self.note("propose"), as: epoch)
        #expect(try again.proposals().count == 1)
    }
}
