import CurlClient
import DaemonSupport
import Foundation
import GRDB
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// `tranche operator` and `tranche audit` at a cluster.
@Suite("The audit command", .serialized, .timeLimit(.minutes(3))) struct AuditCommandTests {
    @Test("the command shows who did what, with figures, and finds a line that was altered")
    func commandFindsAlteredLine() async throws {
        let cluster = try await TestCluster.start(stock: 100, limit: 1)
        defer { cluster.stop() }
        let added = try cluster.run(["operator", "add", "ann", "--role", "operator"])
        let secret = try #require(added.output.firstMatch(of: /TRANCHE_OPERATOR_SECRET=([0-9a-f]{64})/)?.output.1)
        let body = Array("{\"add\":10}".utf8)
        let headers = ["Idempotency-Key": "one", "Content-Type": "application/json"]
        func add(_ key: String) async throws -> Int {
            try await cluster.call(
                "POST", "\(cluster.center)/v1/lots/1/stock", secret: String(secret), body: body,
                headers: headers.merging(["Idempotency-Key": key]) { $1 }
            ).status
        }
        try await cluster.wait(for: "ann") {
            try await cluster.call("GET", "\(cluster.center)/v1/operator", secret: String(secret), body: nil).status
                == 200
        }
        #expect(try await add("one") == 200)
        // A repetition is no new act, also when the tenth is used up; one more item needs an admin.
        #expect(try await add("one") == 200)
        #expect(try await add("two") == 403)

        let whole = try cluster.run(["audit", "--sale", "test", "--operator", "ann"])
        #expect(whole.status == 0, "\(whole.output)")
        #expect(whole.output.contains("ann  stock: lot 1: +10 (issued 100, pool"), "\(whole.output)")
        #expect(whole.output.contains("[one]") && whole.output.contains("the chain is whole"))
        #expect(!whole.output.contains("open test"))
        let refused = try cluster.run(["audit", "--operator", "ann"])
        #expect(refused.output.contains("refused: needs_admin: POST /v1/lots/1/stock"), "\(refused.output)")
        let head = try #require(whole.output.firstMatch(of: /--head ([0-9]+:[0-9a-f]{32})/)?.output.1)
        #expect(try cluster.run(["audit", "--head", String(head), "--json"]).status == 0)

        // The center writes to it, too.
        var settings = Configuration()
        settings.busyMode = .timeout(5)
        let path = cluster.folder + "/center/authority.sqlite"
        try await DatabaseQueue(path: path, configuration: settings).write {
            try $0.execute(sql: "UPDATE trail SET detail = replace(detail, '+10', '+11') WHERE key = 'one'")
        }
        let altered = try cluster.run(["audit"])
        #expect(altered.status == 2)
        #expect(altered.output.contains(/line [0-9]+ is not what was written there/), "\(altered.output)")
        let other = try cluster.run(["audit", "--head", "1:\(String(repeating: "0", count: 32))"])
        #expect(other.output.contains("line 1 has not the digest"))
    }

    @Test("ten additions at the same time are together no more than a tenth, unless an admin makes them")
    func parallelAdditionsAreCountedTogether() async throws {
        let cluster = try await TestCluster.start(stock: 100, limit: 1)
        defer { cluster.stop() }
        let added = try cluster.run(["operator", "add", "ann", "--role", "operator"])
        let secret = String(
            try #require(added.output.firstMatch(of: /TRANCHE_OPERATOR_SECRET=([0-9a-f]{64})/)?.output.1))
        let (curl, url) = (cluster.curl, cluster.center + "/v1/")
        try await cluster.wait(for: "ann") {
            try await cluster.call("GET", url + "operator", secret: secret, body: nil).status == 200
        }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<10 {
                group.addTask {
                    let headers = [
                        "Authorization": "Bearer \(secret)", "Content-Type": "application/json",
                        "Idempotency-Key": "key-\(number)",
                    ]
                    return try await curl.send(
                        CurlRequest("POST", url + "lots/1/stock", headers: headers, body: Array("{\"add\":10}".utf8))
                    ).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [200] + Array(repeating: 403, count: 9))
        #expect(try await cluster.quota().lots[0].issued == 110)
        let shown = try cluster.run(["sale", "show", "test"]).output
        #expect(shown.contains("110 items"), "\(shown)")
        let admin = try cluster.run(["stock", "add", "1", "10"])
        #expect(admin.status == 0, "\(admin.output)")
        #expect(try await cluster.quota().lots[0].issued == 120)
    }
}
