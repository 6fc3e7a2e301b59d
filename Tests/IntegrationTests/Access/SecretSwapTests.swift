import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Secrets that are replaced in their files while real processes sell.
@Suite("Access by secrets: replacement", .serialized, .timeLimit(.minutes(6))) struct SecretSwapTests {
    /// Seconds until processes show a new secret, and until they refuse the old one. They read a file within a second.
    private static let shownAfter: Int64 = 3
    private static let oldEndsAfter: Int64 = 7

    /// One secret that is replaced.
    private struct Swap {
        let name: String
        /// The files that have it, below the folder of secrets, each with what it has in it.
        let files: [(path: String, text: (String) -> String)]
        /// What every process that checks it answers to it; 401 refuses it.
        let answers: (String) async throws -> [Int]
    }

    @Test("every secret is replaced under load: no request fails, and the old one is refused after its end")
    func secretsAreReplacedUnderLoad() async throws {
        let cluster = try await TestCluster.start(
            stock: 60_000, limit: 1, windowMilliseconds: 600_000, options: ["--secret-files"])
        defer { cluster.stop() }
        try await self.addContest(cluster)
        let held = HeldSecrets(["TOKEN_SECRET", "PAYMENT_SECRET", "SHOP_SECRET", "ADMIN_SECRET"], of: cluster)
        let tally = SwapTally()
        let load = self.load(cluster, SwapLoad(curl: cluster.curl, held: held, tally: tally))
        defer { load.cancel() }
        for swap in self.swaps(cluster) { try await self.carryOut(swap, cluster, held, tally) }
        load.cancel()
        await load.value
        #expect(tally.failures == [])
        let counts = tally.counts
        for act in ["buy", "contest", "visit", "shop", "ask"] { #expect(counts[act, default: 0] > 50, "\(counts)") }
        try await self.expectSoundLinks(cluster, held)
        let verdict = try cluster.run(["verify"])
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    /// A second lot that is contested from its first item on: its requests pass the coordinator.
    private func addContest(_ cluster: TestCluster) async throws {
        for arguments in [
            [
                "sale", "create", "rare", "--lot", "2", "--stock", "20000", "--limit", "1", "--contest", "global",
                "--payment-window", "600",
            ], ["sale", "warm", "rare"], ["sale", "open", "rare", "--delay", "0"],
        ] {
            let result = try cluster.run(arguments)
            try #require(result.status == 0, "\(arguments): \(result.output)")
        }
        for place in cluster.gates.indices {
            try await eventually("open gate") { try await TestGate(cluster, place).status().phase == .open }
        }
    }

    private func load(_ cluster: TestCluster, _ load: SwapLoad) -> Task<Void, Never> {
        let (units, gates, center) = (cluster.units, cluster.gates, cluster.center)
        let dev = cluster.secret("TRANCHE_GATE_KEY")
        return Task {
            await withDiscardingTaskGroup { group in
                for unit in units {
                    group.addTask { await load.again("buy") { try await load.buy(at: unit, lot: 1, $0) } }
                    group.addTask { await load.again("contest") { try await load.buy(at: unit, lot: 2, $0) } }
                    group.addTask { await load.again("shop") { try await load.mint(at: unit, $0) } }
                }
                for gate in gates {
                    group.addTask { await load.again("visit") { try await load.visit(gate, gateKey: dev, $0) } }
                }
                group.addTask { await load.again("ask") { _ in try await load.ask(center) } }
            }
        }
    }

    // MARK: one replacement

    private func carryOut(
        _ swap: Swap, _ cluster: TestCluster, _ held: HeldSecrets, _ tally: SwapTally
    ) async throws {
        let (old, new) = (cluster.secret("TRANCHE_\(swap.name)"), Secret.random())
        let now = Int64(Date().timeIntervalSince1970)
        for file in swap.files {
            let list = try DatedSecrets([
                .init(file.text(new), shownFrom: now + Self.shownAfter),
                .init(file.text(old), acceptedUntil: now + Self.oldEndsAfter),
            ])
            // In one step: no process finds a part of it.
            try Data(list.text.utf8).write(
                to: URL(fileURLWithPath: "\(cluster.folder)/secrets/\(file.path)"), options: .atomic)
        }
        try await self.poll("the new \(swap.name) at every process") {
            try await swap.answers(new).allSatisfy { $0 != 401 }
        }
        held.replace(swap.name, new)  // Whoever calls from outside changes while both count.
        try await self.poll("the end of the old \(swap.name)") {
            try await swap.answers(old).allSatisfy { $0 == 401 }
        }
        #expect(try await swap.answers(new).allSatisfy { $0 != 401 }, "\(swap.name)")
        let then = tally.counts
        try await self.poll("more of everything after \(swap.name)") {
            let now = tally.counts
            return then.allSatisfy { now[$0.key, default: 0] >= $0.value + 5 }
        }
    }

    /// Asks less often than a condition that only looks at memory: the load needs the processors.
    private func poll(_ what: String, _ condition: () async throws -> Bool) async throws {
        try await eventually(what) {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(100))
            return false
        }
    }

    private func swaps(_ cluster: TestCluster) -> [Swap] {
        let units = cluster.units.map { "unit-\($0.name)" }
        let gates = cluster.units.map { "gate-\($0.name)" }
        func files(_ holders: [String], _ name: String) -> [(path: String, text: (String) -> String)] {
            holders.map { ("\($0)/TRANCHE_\(name)", { $0 }) }
        }
        func derived(_ name: String, _ purpose: UnitCredential.Purpose) -> [(path: String, text: (String) -> String)] {
            cluster.units.map { unit in
                ("unit-\(unit.name)/TRANCHE_\(name)", { UnitCredential.derive(purpose, of: unit.id, key: $0) })
            }
        }
        func status(_ method: String, _ url: String, _ secret: String) async throws -> Int {
            try await cluster.call(method, url, secret: secret, body: method == "GET" ? nil : []).status
        }
        let center = cluster.center + "/internal/v1"
        return [
            Swap(name: "TOKEN_SECRET", files: files(units + gates, "TOKEN_SECRET")) { secret in
                try await self.eachUnit(cluster) { unit in
                    let claims = cluster.claims(buyer: "nobody", unit: unit.id.rawValue)
                    return try await status(
                        "POST", "\(unit.url)/v1/orders/\(claims.order)/cancel", TokenCodec(secret: secret).mint(claims))
                }
            },
            Swap(name: "PAYMENT_SECRET", files: files(units + gates, "PAYMENT_SECRET")) { secret in
                try await self.eachUnit(cluster) { unit in
                    let signature = PaymentSignature(secret: secret).sign([], at: TestGate.now())
                    return try await cluster.call(
                        "POST", "\(unit.url)/v1/payments/callback", secret: nil, body: [],
                        headers: [PaymentSignature.header: signature]
                    ).status
                }
            },
            Swap(name: "SHOP_SECRET", files: files(units, "SHOP_SECRET")) { secret in
                try await self.eachUnit(cluster) {
                    try await status("GET", "\($0.internalURL)/internal/v1/refunds", secret)
                }
            },
            Swap(name: "ADMIN_SECRET", files: files(["center"], "ADMIN_SECRET")) {
                [try await status("GET", cluster.center + "/v1/quota", $0)]
            },
            Swap(
                name: "COORDINATOR_SECRET",
                files: files(["center", "coordinator", "standby"], "COORDINATOR_SECRET")
            ) { [try await status("POST", center + "/coordinators/lead", $0)] },
            Swap(name: "GATE_SECRET", files: files(["center"] + gates, "GATE_SECRET")) {
                [try await status("POST", center + "/gates/report", $0)]
            },
            Swap(
                name: "UNITS_KEY",
                files: files(["center"], "UNITS_KEY") + derived("UNIT_SECRET", .toCenter)
                    + derived("CENTER_SECRET", .fromCenter)
            ) { key in
                let heard = try await self.eachUnit(cluster) { unit in
                    let secret = UnitCredential.derive(.toCenter, of: unit.id, key: key)
                    return try await status("GET", "\(center)/units/\(unit.id)/config", secret)
                }
                let told = try await self.eachUnit(cluster) { unit in
                    let secret = UnitCredential.derive(.fromCenter, of: unit.id, key: key)
                    return try await status("POST", "\(unit.internalURL)/internal/v1/quota", secret)
                }
                return heard + told
            },
            Swap(
                name: "CONTEST_KEY",
                files: files(["coordinator", "standby"], "CONTEST_KEY") + derived("CONTEST_SECRET", .toCoordinator)
            ) { key in
                try await self.eachUnit(cluster) { unit in
                    try await status(
                        "POST", "\(cluster.coordinator)/internal/v1/units/\(unit.id)/contest",
                        UnitCredential.derive(.toCoordinator, of: unit.id, key: key))
                }
            },
        ]
    }

    private func eachUnit(_ cluster: TestCluster, _ ask: (TestCluster.Unit) async throws -> Int) async throws -> [Int] {
        var all: [Int] = []
        for unit in cluster.units { all.append(try await ask(unit)) }
        return all
    }

    // MARK: what the processes saw of each other

    private func quota(_ cluster: TestCluster, _ held: HeldSecrets) async throws -> QuotaState {
        let response = try await cluster.call(
            "GET", cluster.center + "/v1/quota", secret: held["ADMIN_SECRET"], body: nil)
        return try JSON.decode(QuotaState.self, from: response.body)
    }

    /// No process has refused another one: units report, a coordinator leads, and no log has a refusal.
    private func expectSoundLinks(_ cluster: TestCluster, _ held: HeldSecrets) async throws {
        try await eventually("all reports") {
            try await self.quota(cluster, held).lots[0].units.allSatisfy { ($0.silentMilliseconds ?? .max) < 2_000 }
        }
        #expect(try await self.quota(cluster, held).coordinatorURL != nil)
        let names = cluster.units.flatMap { ["units/\($0.name)/log", "gates/\($0.name)/log"] }
        for name in names + ["center/log", "coordinator.log", "standby.log"] {
            let log = try String(contentsOfFile: "\(cluster.folder)/\(name)", encoding: .utf8)
            for refusal in ["bad_credential", "needs Authorization", "refuses this unit's secret"] {
                #expect(!log.contains(refusal), "\(name)")
            }
            #expect(log.contains("new list of secrets"), "\(name)")
        }
    }

    // MARK: the operator's command

    @Test("the command puts a new secret before the old one, and lets that one end") func commandReplaces() throws {
        let (folder, old) = (try TemporaryFolder.make(), Secret.random())
        let file = folder + "/TRANCHE_SHOP_SECRET"
        try Data((old + "\n").utf8).write(to: URL(fileURLWithPath: file))
        let said = try TestCluster.run(
            "tranche", ["credential", "replace", file, "--shown-after", "10", "--overlap", "20"])
        #expect(said.status == 0, "\(said.output)")
        let list = try DatedSecrets(text: String(contentsOfFile: file, encoding: .utf8)).secrets
        try #require(list.count == 2)
        let (from, until) = (try #require(list[0].shownFrom), try #require(list[1].acceptedUntil))
        #expect(until - from == 20 && list[1].text == old && list[0].acceptedUntil == nil)
        #expect(!said.output.contains(list[0].text) && !said.output.contains(old))
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        let password = folder + "/TRANCHE_REDIS_PASSWORD"
        try Data(old.utf8).write(to: URL(fileURLWithPath: password))
        #expect(try TestCluster.run("tranche", ["credential", "replace", password]).status != 0)
        #expect(try String(contentsOfFile: password, encoding: .utf8) == old)
    }
}
