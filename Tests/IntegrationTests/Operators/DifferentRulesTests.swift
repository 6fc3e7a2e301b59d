import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Rules that differ by unit, at a real center with real units.
@Suite("Rules that differ by unit", .serialized, .timeLimit(.minutes(4))) struct DifferentRulesClusterTests {
    private func file(_ text: String) throws -> String {
        let path = try TemporaryFolder.make() + "/rules.json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func rules(_ cluster: TestCluster) async throws -> RulesDocument {
        let response = try await cluster.call(
            "GET", "\(cluster.center)/v1/sales/test/rules", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        guard response.status == 200 else { throw TestFailure("status \(response.status)") }
        return try JSON.decode(RulesDocument.self, from: response.body)
    }

    private func sale(_ cluster: TestCluster) async throws -> (sale: SaleConfig.Sale, version: Int) {
        let response = try await cluster.call(
            "GET", "\(cluster.center)/v1/sales/test", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        let document = try JSON.decode(SaleDocument.self, from: response.body)
        return (document.sale, document.version)
    }

    /// Whether one buyer gets two items in one order.
    private func sellsTwo(_ cluster: TestCluster, _ unit: TestCluster.Unit, _ buyer: String) async throws -> Bool {
        let token = cluster.token(buyer: buyer, unit: unit.id.rawValue)
        let response = try await cluster.buy(unit, token: token, body: #"{"quantity":2}"#)
        if response.status == 201 { return true }
        let problem = try JSON.decode(Problem.self, from: response.body)
        #expect(problem.code == "invalid_quantity", "\(problem.detail)")
        return false
    }

    /// - Parameter forged: Requests with a token that no secret has made.
    private func buy(_ cluster: TestCluster, _ unit: TestCluster.Unit, _ count: Int, forged: Int) async throws {
        for number in 0..<count {
            let token = cluster.token(buyer: "\(unit.name)-\(number)", unit: unit.id.rawValue)
            #expect(try await cluster.buy(unit, token: token).status == 201)
        }
        for _ in 0..<forged { #expect(try await cluster.buy(unit, token: "AAAA").status == 401) }
    }

    @Test("new rules reach one unit, hold by themselves when it refuses more, and a rollback is a new version")
    func stagedRollout() async throws {
        let cluster = try await TestCluster.start(
            stock: 900, limit: 1, contest: ["--contest", "never"], restarts: true)
        defer { cluster.stop() }
        let (pilot, other) = (cluster.units[0], cluster.units[1])
        let before = try await self.sale(cluster)
        let path = try self.file(#"{"limits": {"1": 2}}"#)
        let started = try cluster.run([
            "sale", "stage", "test", path, "--unit", pilot.name, "--watch", "10m", "--least", "20",
        ])
        #expect(started.status == 0, "\(started.output)")
        let again = try cluster.run(["sale", "stage", "test", path, "--unit", other.name])
        #expect(again.status == 1 && again.output.contains("rollout_under_way"), "\(again.output)")

        var tries = 0
        try await eventually("the new rules at \(pilot.name)", seconds: 30) {
            tries += 1
            return try await self.sellsTwo(cluster, pilot, "early-\(tries)")
        }
        let stage = try await self.rules(cluster)
        #expect(stage.staged?.stage == .unit && stage.staged?.next == .all)
        #expect(stage.units.filter(\.hasNewRules).map(\.unit) == [pilot.name])
        try await eventually("the stage's version at every unit", seconds: 30) {
            let units = try await cluster.call(
                "GET", "\(cluster.center)/v1/units", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
            return try JSON.decode([UnitDocument].self, from: units.body).allSatisfy {
                $0.configVersion ?? 0 >= stage.version
            }
        }
        #expect(try await !self.sellsTwo(cluster, other, "two"), "it has the old rules")
        // The watch begins when the center has heard that the unit has the new rules.
        try await eventually("the watch", seconds: 30) {
            try await self.rules(cluster).staged?.watchedMilliseconds ?? 0 > 0
        }

        try await self.buy(cluster, other, 30, forged: 0)
        try await self.buy(cluster, pilot, 30, forged: 30)
        try await eventually("a hold", seconds: 30) { try await self.rules(cluster).staged?.held != nil }
        let held = try await self.rules(cluster).staged
        #expect(held?.held?.code == "refusals_rose" && held?.held?.detail.contains("bad_token") == true)

        // A hold is a version of the configuration: the next center knows it.
        cluster.signal("tranche-config-center", "center/center.yaml", SIGKILL)
        try await eventually("the rollout at the next center", seconds: 60) {
            let document = try? await self.rules(cluster)
            return document?.staged?.held?.code == "refusals_rose" && document?.staged?.stage == .unit
        }
        #expect(try await !self.sellsTwo(cluster, other, "still-two"))

        let back = try cluster.run(["sale", "rollout", "test", "roll-back", "--reason", "forged tokens"])
        #expect(back.status == 0, "\(back.output)")
        let after = try await self.sale(cluster)
        #expect(after.version > stage.version && after.sale == before.sale, "a newer version with the old content")
        var late = 0
        try await eventually("the old rules at \(pilot.name)", seconds: 30) {
            late += 1
            return try await !self.sellsTwo(cluster, pilot, "late-\(late)")
        }
        let audit = try cluster.run(["audit", "--sale", "test"])
        #expect(audit.output.contains("forged tokens") && audit.output.contains("rollout"), "\(audit.output)")
        cluster.stop()
        let verdict = try cluster.run(["verify"])
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test("a region has other limits on purpose, and the sale's report has the results side by side")
    func variantsSideBySide() async throws {
        let cluster = try await TestCluster.start(
            stock: 90, limit: 1, windowMilliseconds: 1_000, contest: ["--contest", "never"])
        defer { cluster.stop() }
        let unknown = try self.file(
            #"{"variants": [{"name": "a", "regions": ["mars"], "rules": {"limits": {"1": 2}}}]}"#)
        let refused = try cluster.run(["sale", "vary", "test", unknown])
        #expect(refused.status == 1 && refused.output.contains("unknown_region"), "\(refused.output)")
        let (two, one) = (cluster.units[1], cluster.units[0])
        let path = try self.file(
            #"{"variants": [{"name": "two", "regions": ["\#(two.name)"], "rules": {"limits": {"1": 2}}}]}"#)
        let varied = try cluster.run(["sale", "vary", "test", path])
        #expect(varied.status == 0 && varied.output.contains("two"), "\(varied.output)")
        var tries = 0
        try await eventually("the other limit at \(two.name)", seconds: 30) {
            tries += 1
            return try await self.sellsTwo(cluster, two, "two-\(tries)")
        }
        #expect(try await !self.sellsTwo(cluster, one, "one"))
        try await self.buy(cluster, one, 5, forged: 3)
        try await eventually("the figures", seconds: 30) {
            try await self.rules(cluster).units.first { $0.unit == one.name }?.figures.refused["bad_token"] == 3
        }
        #expect(try cluster.run(["sale", "close", "test"]).status == 0)
        // What is not paid for must expire first.
        try await eventually("the settlement", seconds: 60) {
            try cluster.run(["sale", "settle", "test", "--wait", "0"]).status == 0
        }
        let results = try await self.sale(cluster).sale.results
        #expect(results?.units[one.name]?.refused["bad_token"] == 3)

        let folder = try TemporaryFolder.make()
        let key = folder + "/key"
        let digits = try TestCluster.run("tranche", ["credential", "new"])
        #expect(digits.status == 0)
        try Data(digits.output.utf8).write(to: URL(fileURLWithPath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        let export = try cluster.run([
            "sale", "export", "test", "--to", folder + "/export", "--signing-key", key,
        ])
        #expect(export.status == 0, "\(export.output)")
        let report = try String(contentsOfFile: folder + "/export/report.html", encoding: .utf8)
        let rows = report.components(separatedBy: "Rules that differed").last ?? ""
        #expect(rows.contains("<td>two</td><td>\(two.name)</td>") && rows.contains("bad_token 3"), "\(rows)")
    }
}
