import CurlClient
import DaemonSupport
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Plans at a real center.
@Suite("Plans of the center", .timeLimit(.minutes(3))) struct PlanRouteTests {
    private let secret = Secret.random()
    private let curl = CurlClient()

    private func question(buyers: Int = 3_000, stock: Int = 1_000) -> [UInt8] {
        Array(
            """
            {"sale": {"id": "drop", "name": "drop", "state": "draft", "startsAtMilliseconds": 1, "endsAtMilliseconds": 2,
              "paymentWindowMilliseconds": 60000, "schedule": null,
              "lots": [{"id": 1, "name": "one", "stock": \(stock), "perBuyerLimit": 1, "poolPermille": 0, "weights": null}]},
             "crowd": {"buyers": \(buyers), "arrivals": [{"milliseconds": 20000, "share": 1}]},
             "regions": [{"name": "us-east", "share": 3, "oneWayMilliseconds": 5},
                         {"name": "eu-west", "share": 1, "oneWayMilliseconds": 40}]}
            """.utf8)
    }

    private func plan(_ center: LoneDaemon, _ body: [UInt8]) async throws -> CurlResponse {
        try await self.curl.send(
            CurlRequest(
                "POST", center.url + "/v1/plan", headers: ["Authorization": "Bearer \(self.secret)"], body: body))
    }

    @Test("the center answers what the core computes, and changes nothing") func centerPlans() async throws {
        let center = try LoneDaemon("tranche-config-center", section: "center")
        try await center.start(["TRANCHE_ADMIN_SECRET": self.secret])
        defer { center.stop() }
        let answer = try await self.plan(center, self.question())
        #expect(answer.status == 200)
        let expected = try SalePlan(JSON.decode(PlanDocument.self, from: self.question()).question())
        #expect(try JSON.decode(SalePlan.self, from: answer.body) == expected)
        #expect(expected.weights == ["us-east": 7_500, "eu-west": 2_500])
        let sales = try await self.curl.send(
            CurlRequest("GET", center.url + "/v1/sales", headers: ["Authorization": "Bearer \(self.secret)"]))
        #expect(String(decoding: sales.body, as: UTF8.self) == "[]")
    }

    @Test("a bad value is named with its range") func badValuesAreNamed() async throws {
        let center = try LoneDaemon("tranche-config-center", section: "center")
        try await center.start(["TRANCHE_ADMIN_SECRET": self.secret])
        defer { center.stop() }
        for (body, status, code, detail) in [
            (self.question(buyers: 0), 422, "invalid_plan", "crowd.buyers 0 is not in 1...1000000000"),
            (self.question(stock: 0), 422, "invalid_config", "stock 0"),
            (Array("{}".utf8), 400, "invalid_json", "\"sale\" is missing"),
        ] {
            let answer = try await self.plan(center, body)
            let problem = try JSON.decode(Problem.self, from: answer.body)
            #expect((answer.status, problem.code) == (status, code), "\(problem)")
            #expect(problem.detail.contains(detail), "\(problem)")
        }
    }
}
