import CurlClient
import Foundation
import PostgresClient
import Storage
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import Verification

/// Two real centers, one real PostgreSQL.
@Suite("Centers that share a PostgreSQL", .serialized, .timeLimit(.minutes(4))) struct CenterStandbyTests {
    private static let files = ["center/center.yaml", "center/other.yaml"]

    /// The number of the center that leads; the other one names its address.
    private func leader(_ cluster: TestCluster) async throws -> Int? {
        var (leader, told): (Int?, String?) = (nil, nil)
        for (number, center) in cluster.centers.enumerated() {
            let response = try? await cluster.call(
                "GET", center + "/v1/quota", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
            guard let response else { continue }
            if response.status == 200 {
                leader = number
            } else {
                let problem = try JSON.decode(Problem.self, from: response.body)
                #expect(response.status == 503 && problem.code == "not_leading", "\(problem)")
                #expect(response.headers["location"] == problem.location)
                told = problem.location
            }
        }
        if let leader, let told { #expect(told == cluster.centers[leader]) }
        return leader
    }

    /// How long it takes until another center than `last` leads.
    private func takeOver(_ cluster: TestCluster, from last: Int) async throws -> Duration {
        let start = ContinuousClock.now
        try await cluster.wait(for: "another leader") {
            let leader = try await self.leader(cluster)
            return leader != nil && leader != last
        }
        return ContinuousClock.now - start
    }

    private func buy(_ count: Int, _ name: String, _ cluster: TestCluster) async throws -> Int {
        var bought = 0
        for number in 0..<count where try await cluster.buySurely(cluster.units[0], buyer: "\(name)-\(number)") {
            bought += 1
        }
        return bought
    }

    private func judge(_ cluster: TestCluster, _ postgres: String, held: Int) throws {
        cluster.stop()
        let settings = AuthoritySettings(
            target: try PostgresTarget(postgres), allowsUnreplicated: true, permission: "authority.unreplicated")
        let report = try Verifier(folder: cluster.folder, authority: PostgresAuthority(settings)).report()
        #expect(report.isSound, "\(report.checks.flatMap(\.findings))")
        #expect(report.lots[0].held == held)
        let verdict = try cluster.run(["verify"])
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test(
        "a center with a file moves to PostgreSQL in mid-sale: the sale goes on, and nobody starts with the file again")
    func centerMovesToPostgres() async throws {
        let cluster = try await TestCluster.start(stock: 60, limit: 1, windowMilliseconds: 300_000)
        defer { cluster.stop() }
        #expect(try await self.buy(5, "early", cluster) == 5)
        cluster.stop()
        let (file, postgres) = (cluster.folder + "/center/authority.sqlite", try PrivatePostgres.newDatabase())
        let copy = try TestCluster.run("tranche", ["center", "copy", file, postgres, "--unreplicated"])
        #expect(copy.status == 0, "\(copy.output)")
        let verdict = try cluster.run(["verify", "--authority", postgres])
        #expect(verdict.status == 0, "\(verdict.output)")
        let old = try cluster.run(["verify"])
        #expect(old.status == 1 && old.output.contains("was moved"), "\(old.output)")
        try await cluster.startAgain(["--postgres", postgres])
        #expect(try await self.buy(30, "late", cluster) == 30, "more than a region's part")
        try self.judge(cluster, postgres, held: 35)
    }

    @Test("the leader is killed in mid-sale: the other one leads within 5 seconds, and nothing is lost or sold twice")
    func killedLeaderIsReplaced() async throws {
        let postgres = try PrivatePostgres.newDatabase()
        let cluster = try await TestCluster.start(stock: 90, limit: 1, options: ["--postgres", postgres])
        defer { cluster.stop() }
        #expect(try await self.buy(20, "early", cluster) == 20)
        let first = try #require(try await self.leader(cluster))
        let before = try await cluster.quota()
        cluster.signal("tranche-config-center", Self.files[first], SIGKILL)
        #expect(try await self.takeOver(cluster, from: first) < .seconds(5))
        let after = try await cluster.quota()
        #expect(after.epoch > before.epoch)
        #expect(after.lots[0].issued == 90)
        // A unit that runs dry refuses as sold out until the new leader knows the stock of the others.
        try await cluster.wait(for: "reports of all units to the new leader") {
            try await cluster.quota().lots[0].units.allSatisfy { $0.silentMilliseconds != nil }
        }
        // The unit held 30: from here on it sells what the new leader moves to it.
        #expect(try await self.buy(25, "late", cluster) == 25)
        // Operators find the leader, too.
        for arguments in [["stock", "add", "1", "5"], ["sale", "pause", "test"], ["sale", "resume", "test"]] {
            let done = try cluster.run(arguments)
            #expect(done.status == 0, "\(arguments): \(done.output)")
        }
        #expect(try await cluster.quota().lots[0].issued == 95)
        try await cluster.wait(for: "reports of all orders") {
            try await cluster.quota().lots[0].units.reduce(0) { $0 + $1.live } == 45
        }
        try self.judge(cluster, postgres, held: 45)
    }

    @Test("a leader that was paused finds out that another one leads, and stands by") func pausedLeaderStandsBy()
        async throws
    {
        let postgres = try PrivatePostgres.newDatabase()
        let cluster = try await TestCluster.start(stock: 30, limit: 1, options: ["--postgres", postgres])
        defer { cluster.stop() }
        let first = try #require(try await self.leader(cluster))
        let file = Self.files[first]
        cluster.signal("tranche-config-center", file, SIGSTOP)
        // The paused one has the connection in its queue: its callers time out, and ask the other one.
        #expect(try await self.buy(5, "meanwhile", cluster) == 5)
        let other = cluster.centers[1 - first]
        try await cluster.wait(for: "the other center") {
            try await cluster.call(
                "GET", other + "/v1/quota", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil
            ).status == 200
        }
        cluster.signal("tranche-config-center", file, SIGCONT)
        try await cluster.wait(for: "a standby") {
            let response = try await cluster.call(
                "GET", cluster.centers[first] + "/v1/quota", secret: cluster.secret("TRANCHE_ADMIN_SECRET"), body: nil)
            return response.status == 503
        }
        #expect(try await self.leader(cluster) == 1 - first)
        #expect(try await self.buy(5, "after", cluster) == 5)
        try self.judge(cluster, postgres, held: 10)
    }

    @Test("connections to the store break in mid-sale: the centers go on, and each act happens once")
    func brokenConnectionsAreMade() async throws {
        let postgres = try PrivatePostgres.newDatabase()
        let cluster = try await TestCluster.start(stock: 90, limit: 1, options: ["--postgres", postgres])
        defer { cluster.stop() }
        let store = try PostgresConnection(try PostgresTarget(postgres), application: "test")
        for round in 1...5 {
            try store.run(
                script: """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'tranche center%'
                    """)
            let added = try cluster.run(["stock", "add", "1", "1", "--key", "round-\(round)"])
            if added.status != 0 {
                // Without a certain answer the command is repeated with its key, until a barrier has decided.
                try await cluster.wait(for: "a certain answer") {
                    try cluster.run(["stock", "add", "1", "1", "--key", "round-\(round)"]).status == 0
                }
            }
            #expect(try await self.buy(5, "round-\(round)", cluster) == 5)
        }
        try await cluster.wait(for: "the stock") { try await cluster.quota().lots[0].issued == 95 }
        try self.judge(cluster, postgres, held: 25)
    }
}
