import Clusters
import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// A unit whose Redis is behind Sentinels, or in a cluster, as a process with buyers.
@Suite("A unit's Redis on several machines", .serialized, .timeLimit(.minutes(5))) struct RedisFailoverTests {
    private struct Sale: Sendable {
        let at: ContinuousClock.Instant
        let order: OrderID
    }

    /// A buyer who asks until the answer is final.
    private struct Buyer: Sendable {
        let curl: CurlClient
        let url: String
        let token: String

        /// - Returns: When the order was confirmed, and its id; `nil` if there is none for this buyer.
        func buy() async throws -> Sale? {
            for _ in 0..<2_400 {
                let request = CurlRequest(
                    "POST", self.url, headers: ["Authorization": "Bearer \(self.token)"], body: [])
                let response = try? await self.curl.send(request)
                if let response, response.status == 201 {
                    let document = try JSON.decode(OrderDocument.self, from: response.body)
                    return Sale(at: .now, order: document.order)
                }
                if let response, response.status != 503 { return nil }
                try await Task.sleep(for: .milliseconds(25))
            }
            throw TestFailure("no final answer within a minute")
        }
    }

    private static func buyers(_ count: Int, _ name: String, of cluster: TestCluster) -> [Buyer] {
        let unit = cluster.units[0]
        return (0..<count).map {
            Buyer(
                curl: cluster.curl, url: "\(unit.url)/v1/lots/1/orders",
                token: cluster.token(
                    buyer: "\(name)-\($0)", unit: unit.id.rawValue, lifetimeMilliseconds: 600_000))
        }
    }

    /// All of them at once.
    private static func sales(_ buyers: [Buyer]) async throws -> [Sale] {
        try await withThrowingTaskGroup(of: Sale?.self) { group in
            for buyer in buyers { group.addTask { try await buyer.buy() } }
            var sales: [Sale] = []
            for try await sale in group { if let sale { sales.append(sale) } }
            return sales
        }
    }

    /// Gives the first unit another Redis, and starts it again.
    private static func restart(
        _ cluster: TestCluster, with lines: [String], secrets: [String: String] = [:]
    ) async throws {
        let path = "\(cluster.folder)/units/\(cluster.units[0].name)/unit.yaml"
        let old = try String(contentsOfFile: path, encoding: .utf8)
        let new = old.replacing(/redis:\n(  [^\n]*\n)+/) { _ in "redis:\n" + lines.map { "  \($0)\n" }.joined() }
        #expect(new != old)
        try Data(new.utf8).write(to: URL(fileURLWithPath: path))
        try await cluster.restartUnit(cluster.units[0], secrets: secrets, seconds: 60)
    }

    @Test("a master of Sentinels is killed while buyers buy: its replica lacks the last sales, and nothing is oversold")
    func killedMasterCostsNoOrder() async throws {
        let family = try RedisFamily()
        defer { family.stop() }
        let cluster = try await TestCluster.start(stock: 120, limit: 1, windowMilliseconds: 600_000)
        defer { cluster.stop() }
        let secrets = [
            "TRANCHE_REDIS_PASSWORD": RedisFamily.password,
            "TRANCHE_SENTINEL_PASSWORD": RedisFamily.sentinelPassword,
        ]
        try await Self.restart(
            cluster,
            with: ["sentinels: \"127.0.0.1:1,\(family.sentinels)\"", "master: \"\(RedisFamily.master)\""],
            secrets: secrets)
        // From now on the unit has what it holds, a third, and nobody gives it more.
        cluster.signalAll("tranche-coordinator", SIGKILL)
        cluster.signalAll("tranche-config-center", SIGKILL)

        var sales = try await Self.sales(Self.buyers(12, "early", of: cluster))
        let old = try #require(try family.agreedMaster())
        try family.cutReplicas(of: old)
        sales += try await Self.sales(Self.buyers(8, "lost", of: cluster))
        #expect(sales.count == 20)
        family.kill(old)
        let waiting = Self.buyers(8, "waiting", of: cluster)
        let late = Task { try await Self.sales(waiting) }
        try await eventually("a decision of a Sentinel", seconds: 60) {
            try family.sentinelPorts.contains {
                let named = try family.namedMaster(by: $0)
                return named != nil && named != old
            }
        }
        let decided = ContinuousClock.now
        try family.healReplicas()
        let answered = try await late.value
        let first = try #require(answered.map(\.at).min())
        print("the unit sells again \(first - decided) after a Sentinel's decision")
        #expect(first - decided < .seconds(30))
        sales += answered
        sales += try await Self.sales(Self.buyers(30, "late", of: cluster))
        #expect(sales.count == 40, "what the unit held, no more and no less")
        #expect(Set(sales.map(\.order)).count == 40)

        // The promoted Redis is the one that the ledger names, so it vouches for a start without the center.
        try await cluster.restartUnit(cluster.units[0], secrets: secrets, seconds: 60)
        #expect(try await Self.sales(Self.buyers(1, "after", of: cluster)).isEmpty)
        cluster.stop()
        let report = try Verifier(folder: cluster.folder).report()
        #expect(report.isSound, "\(report.checks.flatMap(\.findings))")
        #expect(report.lots[0].held == 40)
    }

    @Test("a unit sells with a Redis Cluster, also after its keys moved to another node")
    func clusterServesUnit() async throws {
        let nodes = try RedisNodes()
        let cluster = try await TestCluster.start(stock: 60, limit: 1, windowMilliseconds: 600_000)
        defer { cluster.stop() }
        try await Self.restart(cluster, with: ["cluster: \"127.0.0.1:1,\(nodes.nodes)\""])
        cluster.signalAll("tranche-coordinator", SIGKILL)
        cluster.signalAll("tranche-config-center", SIGKILL)
        var sales = try await Self.sales(Self.buyers(8, "early", of: cluster))
        #expect(sales.count == 8)
        let key = "tranche:{\(cluster.units[0].id)}:witness"
        let source = try #require(try nodes.owner(of: key))
        let target = try #require(nodes.ports.first { $0 != source })
        try nodes.moveSlot(of: key, from: source, to: target)
        sales += try await Self.sales(Self.buyers(30, "late", of: cluster))
        #expect(sales.count == 20)
        let state = try RedisTool.ask(target, ["HGET", key, "1"])
        #expect(state.first?.hasSuffix(" 0") == true, "\(state)")
        cluster.stop()
        let report = try Verifier(folder: cluster.folder).report()
        #expect(report.isSound, "\(report.checks.flatMap(\.findings))")
        #expect(report.lots[0].held == 20)
    }
}
