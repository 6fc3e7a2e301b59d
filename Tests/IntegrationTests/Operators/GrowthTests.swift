import CurlClient
import DaemonSupport
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// A unit that is added to a sale while it is open: real processes, from the operator's command to the evidence.
@Suite("More units for an open sale", .serialized, .timeLimit(.minutes(4))) struct GrowthTests {
    private static let name = "us-east-2"

    /// What a buyer gets who follows each referral.
    private struct Outcome {
        let response: CurlResponse
        /// The address of the unit that gave it.
        let unit: String
        let token: String
    }

    /// A second unit for us-east, as an operator starts it.
    private func startUnit(_ cluster: TestCluster) async throws -> ChildProcess {
        let log = cluster.folder + "/start.log"
        let process = try ChildProcess(
            TestCluster.program("tranche").path,
            ["unit", "start", Self.name, "--region", "us-east", "--data", cluster.folder],
            environment: ProcessInfo.processInfo.environment, log: log)
        try await eventually("second unit of us-east", seconds: 60) {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            guard process.isRunning else { throw TestFailure("tranche unit start ended: \(said)") }
            return said.contains("has registered")
        }
        return process
    }

    private func add(_ cluster: TestCluster) throws {
        let result = try cluster.run(["sale", "add-unit", "test", Self.name])
        guard result.status == 0 else { throw TestFailure(result.output) }
        #expect(result.output.contains("units added since its opening: \(Self.name)"))
    }

    /// Places an order with a token, and follows referrals.
    private func buy(_ cluster: TestCluster, _ token: String, at unit: String) async throws -> Outcome {
        var (unit, token) = (unit, token)
        for _ in 0..<400 {
            let response = try await cluster.call("POST", "\(unit)/v1/lots/1/orders", secret: token, body: [])
            let problem = try? JSON.decode(Problem.self, from: response.body)
            switch response.status {
            case 503: try await Task.sleep(for: .milliseconds(25))
            case 421:
                guard let location = problem?.location, let next = problem?.token else {
                    return Outcome(response: response, unit: unit, token: token)
                }
                (unit, token) = (location, next)
            default: return Outcome(response: response, unit: unit, token: token)
            }
        }
        throw TestFailure("no final answer at \(unit)")
    }

    @Test("new buyers buy at the added unit, buyers with orders stay, everybody has one limit, and the files prove it")
    func addedUnitTakesNewBuyers() async throws {
        let cluster = try await TestCluster.start(stock: 300, limit: 1)
        defer { cluster.stop() }
        let home = try #require(cluster.units.first)
        let early = (0..<30).map { "early-\($0)" }
        for buyer in early { #expect(try await cluster.buySurely(home, buyer: buyer)) }
        let process = try await self.startUnit(cluster)
        defer {
            process.send(SIGTERM)
            _ = process.wait()
        }
        try self.add(cluster)
        try self.add(cluster)  // Once more changes nothing.

        var sold: [String: String] = [:]
        try await eventually("buyer at the added unit") {
            let buyer = "late-\(sold.count)"
            let outcome = try await self.buy(cluster, cluster.token(buyer: buyer), at: home.url)
            #expect(outcome.response.status == 201, "\(outcome.response.status)")
            sold[buyer] = outcome.unit
            return sold.values.count { $0 != home.url } >= 10 && sold.count >= 30
        }
        let added = try #require(sold.values.first { $0 != home.url })
        #expect(sold.values.contains(home.url), "who prefers the home still buys there")
        // Who bought before stays; a second token gets nothing more, wherever it is used.
        for buyer in early {
            let again = try await self.buy(cluster, cluster.token(buyer: buyer), at: home.url)
            #expect(again.unit == home.url && TestGate.code(again.response) == "duplicate")
            let there = try await self.buy(cluster, cluster.token(buyer: buyer), at: added)
            #expect(TestGate.code(there.response) == "wrong_unit", "the token is for the home")
        }
        for (buyer, unit) in sold {
            let again = try await self.buy(cluster, cluster.token(buyer: buyer), at: home.url)
            #expect(again.unit == unit && TestGate.code(again.response) == "duplicate")
        }
        try await self.restart(home, cluster, sold)
        try await self.buyAtGate(cluster)
        try await self.verify(cluster)
    }

    /// A home that is killed knows its branch when it comes back.
    private func restart(_ home: TestCluster.Unit, _ cluster: TestCluster, _ sold: [String: String]) async throws {
        try await cluster.restartUnit(home)
        for (buyer, unit) in sold.prefix(20) {
            let again = try await self.buy(cluster, cluster.token(buyer: buyer), at: home.url)
            #expect(again.unit == unit && TestGate.code(again.response) == "duplicate")
        }
    }

    /// Gates go on naming the homes; another token after an ended order is asked for where the order was.
    private func buyAtGate(_ cluster: TestCluster) async throws {
        let gate = TestGate(cluster)
        try await eventually("open gate") { try await gate.status().phase == .open }
        var referred: (session: String, outcome: Outcome, order: OrderID)?
        for number in 0..<40 where referred == nil {
            let session = try await gate.session("gate-\(number)")
            let token = try TestGate.document(try await gate.token(session))
            let outcome = try await self.buy(cluster, token.token, at: token.unit)
            #expect(outcome.response.status == 201)
            if outcome.unit != token.unit { referred = (session, outcome, token.order) }
        }
        let (session, outcome, order) = try #require(referred)
        let cancelled = try await cluster.call(
            "POST", "\(outcome.unit)/v1/orders/\(order)/cancel", secret: outcome.token, body: [])
        #expect(cancelled.status == 200)
        let next = try TestGate.document(try await gate.token(session, suffix: "/again"))
        #expect(next.order != order, "the attempt is over")
        let again = try await self.buy(cluster, next.token, at: next.unit)
        #expect(again.response.status == 201 && again.unit == outcome.unit)
    }

    private func verify(_ cluster: TestCluster) async throws {
        let result = try cluster.run(["verify"])
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains("I12"), "\(result.output)")
    }
}
