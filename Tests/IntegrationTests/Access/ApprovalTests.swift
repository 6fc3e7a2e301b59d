import CurlClient
import DaemonSupport
import Foundation
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Acts for two people, at a real center.
@Suite("Approvals", .timeLimit(.minutes(3))) struct ApprovalTests {
    /// A center with three operators and a sale of 100 items that is open.
    // Calls at the same time only read what its start has set.
    private final class Center: @unchecked Sendable {
        let daemon: LoneDaemon
        let admin = Secret.random()
        private let curl = CurlClient()
        private(set) var secrets: [String: String] = [:]

        init() async throws {
            let list = try TemporaryFolder.make() + "/operators"
            self.daemon = try LoneDaemon(
                "tranche-config-center", section: "center",
                settings: "operators:\n  file: \"\(list)\"\n  approval: true\n")
            var entries = try OperatorList()
            for (name, role) in [("ann", OperatorRole.admin), ("bob", .admin), ("eve", .operator)] {
                let secret = Secret.random()
                self.secrets[name] = secret
                let digest = OperatorCredential.digest(of: secret.utf8)
                entries = try entries.adding(OperatorList.Entry(name: name, role: role, digest: digest))
            }
            try Data(entries.text.utf8).write(to: URL(fileURLWithPath: list))
            self.secrets["admin"] = self.admin
            try await self.start()
            let sale = SaleConfig.Sale(
                id: "test", name: "Test", startsAtMilliseconds: SystemClock.now().milliseconds,
                endsAtMilliseconds: SystemClock.now().milliseconds + 3_600_000, paymentWindowMilliseconds: 60_000,
                lots: [.init(id: LotID(1), name: "Seats", stock: 100, perBuyerLimit: 1, poolPermille: 1_000)])
            try await self.expect(201, self.call("ann", "POST", "/v1/sales", JSON.encode(sale)))
            try await self.expect(200, self.step("ann", "warm"))
            try await self.expect(200, self.step("ann", "open", body: OpenBody(force: true)))
        }

        private func expect(_ status: Int, _ response: CurlResponse) throws {
            guard response.status == status else { throw TestFailure(String(decoding: response.body, as: UTF8.self)) }
        }

        func start() async throws { try await self.daemon.start(["TRANCHE_ADMIN_SECRET": self.admin]) }

        func call(
            _ name: String, _ method: String, _ path: String, _ body: [UInt8]? = nil,
            _ headers: [String: String] = [:]
        ) async throws -> CurlResponse {
            var fields = ["Authorization": "Bearer \(self.secrets[name] ?? "")", "Content-Type": "application/json"]
            if method != "GET" { fields["Idempotency-Key"] = Secret.random() }
            return try await self.curl.send(
                CurlRequest(
                    method, self.daemon.url + path, headers: fields.merging(headers) { $1 },
                    body: body ?? (method == "GET" ? nil : [])))
        }

        func sale() async throws -> SaleDocument {
            try JSON.decode(SaleDocument.self, from: try await self.call("ann", "GET", "/v1/sales/test").body)
        }

        func step(
            _ name: String, _ step: String, body: OpenBody = OpenBody(), _ headers: [String: String] = [:]
        ) async throws -> CurlResponse {
            let version = ["If-Match": "\"\(try await self.sale().version)\""]
            return try await self.call(
                name, "POST", "/v1/sales/test/\(step)", JSON.encode(body), version.merging(headers) { $1 })
        }

        func addStock(_ name: String, _ add: Int, _ headers: [String: String] = [:]) async throws -> CurlResponse {
            try await self.call(name, "POST", "/v1/lots/1/stock", JSON.encode(StockBody(add: add)), headers)
        }

        func end(_ name: String, _ id: UInt64, _ act: String = "approve") async throws -> CurlResponse {
            try await self.call(
                name, "POST", "/v1/proposals/\(id)/\(act)", JSON.encode(ReasonBody(reason: "checked")))
        }

        func issued() async throws -> Int? {
            let state = try JSON.decode(
                QuotaState.self, from: try await self.call("ann", "GET", "/v1/quota").body)
            return state.lots.first?.issued
        }

        func trail() async throws -> [AuditLine] {
            let page = try JSON.decode(
                AuditPage.self, from: try await self.call("ann", "GET", "/v1/audit/chain").body)
            var check = AuditCheck()
            for line in page.lines { check.add(line) }
            check.end(page.head)
            #expect(check.findings.isEmpty)
            return page.lines
        }
    }

    private static let reason = ["X-Tranche-Reason": "sold%20out"]

    private func code(_ response: CurlResponse) -> String {
        (try? JSON.decode(Problem.self, from: response.body))?.code ?? "\(response.status)"
    }

    private func proposal(_ response: CurlResponse) throws -> ProposalDocument {
        #expect(response.status == 202)
        let needed = try JSON.decode(ApprovalNeeded.self, from: response.body)
        #expect(needed.code == "approval_needed")
        #expect(response.headers["location"] == "/v1/proposals/\(needed.proposal.id)")
        return needed.proposal
    }

    @Test("a sale closes when another person approves, once, with both names in the trail, also after a restart")
    func secondPersonCloses() async throws {
        let center = try await Center()
        defer { center.daemon.stop() }
        #expect(self.code(try await center.step("ann", "close")) == "needs_reason")
        #expect(self.code(try await center.step("admin", "close", Self.reason)) == "shared_identity")
        let headers = Self.reason.merging(["Idempotency-Key": "ann-1"]) { $1 }
        let first = try self.proposal(try await center.step("ann", "close", headers))
        #expect((first.act, first.by, first.reason, first.state) == ("close test", "ann", "sold out", .open))
        #expect(try await center.sale().sale.state == .open)
        // A repetition after a lost answer.
        #expect(try self.proposal(try await center.step("ann", "close", headers)).id == first.id)
        for (name, refusal) in [("ann", "own_proposal"), ("admin", "shared_identity"), ("eve", "needs_admin")] {
            #expect(self.code(try await center.end(name, first.id)) == refusal)
        }
        #expect(self.code(try await center.step("bob", "close", Self.reason)) == "proposed_before")
        #expect(self.code(try await center.end("bob", first.id, "withdraw")) == "not_own_proposal")
        #expect(self.code(try await center.end("bob", 99)) == "unknown_proposal")
        try await center.start()
        #expect(try await center.sale().sale.state == .open)
        let answer = try await center.end("bob", first.id)
        #expect(answer.status == 200)
        let ended = try JSON.decode(ProposalDocument.self, from: answer.body)
        #expect((ended.state, ended.endedBy, ended.endReason) == (.approved, "bob", "checked"))
        #expect(try await center.sale().sale.state == .closed)
        #expect(self.code(try await center.end("bob", first.id)) == "proposal_ended")
        // The first request finds its act done.
        #expect(try await center.step("ann", "close", headers).status == 200)
        let lines = try await center.trail()
        let act = try #require(lines.first { $0.actor == "ann with bob" })
        #expect(act.action == "config" && act.detail.hasSuffix("close test") && act.key == "ann-1")
        #expect(lines.count { $0.action == "propose" && $0.actor == "ann" } == 1)
        #expect(lines.count { $0.action == "approve" && $0.actor == "bob" && $0.key == "ann-1" } == 1)
        #expect(lines.count { $0.actor == "ann with bob" } == 1)
        #expect(lines.contains { $0.actor == "ann" && $0.detail.hasPrefix("own_proposal: ") })
        #expect(lines.contains { $0.actor == "eve" && $0.detail.hasPrefix("needs_admin: ") })
    }

    @Test("much stock needs two people, counts once, and is refused when the lot has changed since")
    func muchStockNeedsTwo() async throws {
        let center = try await Center()
        defer { center.daemon.stop() }
        #expect(try await center.addStock("eve", 5).status == 200)
        // Together with those five it is more than a tenth; eve may not even propose it.
        #expect(self.code(try await center.addStock("eve", 6, Self.reason)) == "needs_admin")
        let stale = try self.proposal(try await center.addStock("ann", 50, Self.reason))
        #expect(stale.seen == "issued 105")
        #expect(try await center.addStock("eve", 1).status == 200)
        #expect(self.code(try await center.end("bob", stale.id)) == "proposal_stale")
        #expect(self.code(try await center.end("bob", stale.id)) == "proposal_ended")
        #expect(try await center.issued() == 106)
        let headers = Self.reason.merging(["Idempotency-Key": "ann-2"]) { $1 }
        let next = try self.proposal(try await center.addStock("ann", 50, headers))
        // Two approvals at once: one carries it out.
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 { group.addTask { try await center.end("bob", next.id).status } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }.sorted()
        }
        #expect(statuses == [200, 409])
        #expect(try await center.issued() == 156)
        #expect(try await center.addStock("ann", 50, headers).status == 200)
        #expect(try await center.issued() == 156)
        let lines = try await center.trail()
        #expect(lines.count { $0.actor == "ann with bob" && $0.action == "stock" } == 1)
        #expect(lines.contains { $0.action == "proposal stale" && $0.actor == "bob" })
    }

    @Test("a change of the configuration, and the person themselves, end a proposal") func proposalsEnd() async throws {
        let center = try await Center()
        defer { center.daemon.stop() }
        let first = try self.proposal(try await center.step("ann", "close", Self.reason))
        #expect(try await center.step("eve", "pause").status == 200)
        #expect(self.code(try await center.end("bob", first.id)) == "proposal_stale")
        #expect(try await center.sale().sale.state == .paused)
        // An act that is not possible is refused at once, and is no proposal.
        #expect(self.code(try await center.step("ann", "settle", Self.reason)) == "wrong_state")
        let second = try self.proposal(try await center.step("ann", "close", Self.reason))
        #expect(try await center.end("ann", second.id, "withdraw").status == 200)
        #expect(self.code(try await center.end("bob", second.id)) == "proposal_ended")
        let all = try JSON.decode(
            [ProposalDocument].self, from: try await center.call("eve", "GET", "/v1/proposals").body)
        #expect(all.map(\.state) == [.withdrawn, .stale])
        #expect(try await center.sale().sale.state == .paused)
        #expect(try await center.step("ann", "resume").status == 200)
    }

    @Test("a center whose operators have no names does not start with approvals") func namesAreNeeded() async throws {
        let center = try LoneDaemon(
            "tranche-config-center", section: "center", settings: "operators:\n  approval: true\n")
        await #expect {
            try await center.start([:])
        } throws: { "\($0)".contains("operators.approval") }
    }
}
