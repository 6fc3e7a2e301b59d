import CurlClient
import Foundation
import Testing
import TrancheAPI
import TrancheCore

/// Sales that take their steps by themselves: real processes, a schedule of seconds, and a center that is killed.
@Suite("Sales with a schedule", .serialized, .timeLimit(.minutes(4))) struct ScheduleTests {
    /// Creates a sale that starts in 14 seconds.
    private func create(_ cluster: TestCluster, _ sale: String, lot: Int, hours: String) throws {
        let result = try cluster.run([
            "sale", "create", sale, "--lot", "\(lot)", "--stock", "30", "--limit", "1", "--payment-window", "1",
            "--starts-in", "14", "--hours", hours, "--schedule", "--warm-before", "12s", "--open-before", "4s",
            "--open-late", "10m", "--contest", "never",
        ])
        guard result.status == 0 else { throw TestFailure(result.output) }
    }

    /// The sale as the center that leads shows it; `nil` while none does.
    private func document(_ cluster: TestCluster, _ sale: String) async throws -> SaleDocument? {
        let response = try? await cluster.call(
            "GET", "\(cluster.center)/v1/sales/\(sale)", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        guard let response, response.status == 200 else { return nil }
        return try JSON.decode(SaleDocument.self, from: response.body)
    }

    private func wait(_ cluster: TestCluster, _ sale: String, until states: Set<SaleState>) async throws {
        try await eventually("\(sale) to be \(states.map(\.rawValue))", seconds: 60) {
            try await self.document(cluster, sale).map { states.contains($0.sale.state) } ?? false
        }
    }

    /// Kills the center; `tranche up` starts it again.
    private func killCenter(_ cluster: TestCluster) {
        cluster.signal("tranche-config-center", "center/center.yaml", SIGKILL)
    }

    /// Who made each version of the configuration, and why.
    private func notes(_ cluster: TestCluster) async throws -> [String] {
        let response = try await cluster.call(
            "GET", "\(cluster.center)/v1/config/versions", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
        return try JSON.decode([ConfigVersionDocument].self, from: response.body).map { "\($0.actor): \($0.note)" }
    }

    @Test("a sale warms up, opens, closes and is settled by itself while its center is killed; a held opening waits")
    func saleTakesItsSteps() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1, restarts: true)
        defer { cluster.stop() }
        try self.create(cluster, "timed", lot: 2, hours: "0.005")
        try self.create(cluster, "kept", lot: 3, hours: "1")
        let held = try cluster.run(["sale", "hold", "kept", "open"])
        #expect(held.status == 0 && held.output.contains(": held"), "\(held.output)")
        let known = try #require(try await self.document(cluster, "timed"))
        #expect(known.schedule?.steps.map(\.step) == [.warm, .open, .close, .settle])

        try await self.wait(cluster, "timed", until: [.warming])
        self.killCenter(cluster)
        try await self.wait(cluster, "timed", until: [.open])
        let token = cluster.token(buyer: "ann", lot: 2, unit: cluster.units[0].id.rawValue)
        try await eventually("lot 2 on sale", seconds: 60) {
            try await cluster.buy(cluster.units[0], lot: "2", token: token).status == 201
        }
        self.killCenter(cluster)

        // The hold is in the configuration, so the restarted center knows it.
        try await self.wait(cluster, "kept", until: [.warming])
        let kept = try #require(try await self.document(cluster, "kept"))
        #expect(kept.schedule?.steps[1].standing == .held)
        let released = try cluster.run(["sale", "release", "kept", "open"])
        #expect(released.status == 0, "\(released.output)")
        try await self.wait(cluster, "kept", until: [.open])

        try await self.wait(cluster, "timed", until: [.closed, .settled])
        try await self.wait(cluster, "timed", until: [.settled])
        let settled = try #require(try await self.document(cluster, "timed"))
        #expect(settled.schedule?.steps.allSatisfy { $0.standing == .done } == true)
        let notes = try await self.notes(cluster)
        for step in ["warm timed", "open timed", "close timed", "settle timed", "open kept"] {
            #expect(notes.filter { $0 == "schedule: \(step)" }.count == 1, "\(step) in \(notes)")
        }
        cluster.stop()
        let verdict = try cluster.run(["verify"])
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test("what is in the way of a step is known before it, and a sale without a schedule has nothing to hold")
    func obstaclesAreKnownEarly() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        let refused = try cluster.run(["sale", "hold", "test", "close"])
        #expect(refused.status == 1 && refused.output.contains("no_schedule"), "\(refused.output)")
        let created = try cluster.run([
            "sale", "create", "later", "--lot", "2", "--stock", "30", "--starts-in", "600", "--schedule",
            "--warm-before", "5m",
        ])
        #expect(created.status == 0, "\(created.output)")
        let unit = cluster.units[0]
        let drained = try await cluster.call(
            "POST", "\(cluster.center)/v1/units/\(unit.id)/drain", secret: cluster.secret("TRANCHE_ADMIN_SECRET"),
            body: [])
        #expect(drained.status == 200)
        try await eventually("a blocked warming up", seconds: 30) {
            let step = try await self.document(cluster, "later")?.schedule?.steps.first
            guard let step, step.standing == .blocked else { return false }
            return step.reasons.contains { $0.contains("\(unit.name) is drained") }
        }
        try await eventually("its figure", seconds: 30) {
            let response = try await cluster.call("GET", "\(cluster.center)/metrics", secret: nil, body: nil)
            return String(decoding: response.body, as: UTF8.self).contains("tranche_schedule_blocked{step=\"warm\"} 1")
        }
    }
}
