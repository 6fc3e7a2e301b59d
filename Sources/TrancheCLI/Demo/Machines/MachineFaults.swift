import Clusters
import DaemonSupport
import Foundation
import Terminal
import Threads
import TrancheAPI
import TrancheCore

/// The machines that `demo --machines` loses, one after the other, and how long each loss was felt, seen from outside;
/// and the unit that joins meanwhile.
struct MachineFaults: Sendable {
    static let story = """
        With --machines each region's ledger is in a PostgreSQL with two synchronous standbys, its Redis has two
        replicas and three Sentinels, and two centers share one more PostgreSQL. A ledger's primary, the leading
        center and a Redis are lost for good during the sale. All of them run here, about 40 processes with some 100
        helpers of PostgreSQL, without gates and links. Between the losses a unit is added to the sale, with such
        servers of its own; no unit is lost. The sale takes a minute; starting and removing the servers of PostgreSQL
        takes about as long on two processors. It needs Debian's package postgresql, which ops/demo --machines
        installs.
        """
    /// A part that does not work again within this time has failed.
    private static let limitSeconds = 30.0
    /// Between two losses, so that all parts are well again.
    private static let pauseMilliseconds = 3_000

    /// One loss.
    struct Finding: Codable, Sendable {
        let loss: String
        /// What the time is measured from and to.
        let measured: String
        /// `nil` if it took too long.
        let seconds: Double?
        let goalSeconds: Double
    }

    let cluster: LocalCluster
    let servers: RegionServers
    let added: AddedUnit
    let lot: LotID
    let buyer: ProbeBuyer
    let note: @Sendable (String) -> Void

    /// - Throws: ``CommandError`` if a server does not do what an operator asks of it.
    func run() async throws -> (losses: [Finding], joining: AddedUnit.Joining) {
        var findings: [Finding] = []
        let units = self.cluster.layout.units
        try await self.pause()
        findings.append(try await self.losePrimary(of: units[0]))
        try await self.pause()
        // The center that is lost next has written the addition: the one that takes over must know it, too.
        let joining = try await self.added.join(DemoCommand.sale, self.lot, note: self.note)
        findings.append(try await self.loseCenter())
        try await self.pause()
        findings.append(try await self.loseRedis(of: units[1]))
        return (findings, joining)
    }

    private func pause() async throws { try await Task.sleep(for: .milliseconds(Self.pauseMilliseconds)) }

    /// The ledger's primary and its disk are lost; an operator promotes a standby.
    private func losePrimary(of unit: ClusterLayout.Unit) async throws -> Finding {
        guard let family = self.servers.ledger(of: unit.name) else { throw CommandError("\(unit.name) has no servers") }
        let lost = try await OwnedThread.run("fault") { try family.losePrimary() }
        self.note("lost: PostgreSQL \(lost) of \(unit.name), the primary: its folder is deleted, and it is killed")
        let promoted = try await OwnedThread.run("fault") { try family.promote() }
        self.note("PostgreSQL \(promoted) of \(unit.name) is promoted")
        return await self.measure(
            "the primary of a region's PostgreSQL", "from the promotion of a standby until the unit sells", goal: 10
        ) { await self.buyer.buys(at: unit) }
    }

    private func loseCenter() async throws -> Finding {
        let (layout, client) = (self.cluster.layout, AdminClient(self.cluster.layout))
        guard let first = await client.leadingCenter() else { throw CommandError("no center leads") }
        let part: LocalCluster.Part = first == layout.centerURL ? .center : .otherCenter
        self.cluster.kill(part)
        self.note("lost: the \(part), which led")
        let finding = await self.measure(
            "the leading center", "from the loss until the other center leads", goal: 5
        ) {
            let leader = await client.leadingCenter()
            return leader != nil && leader != first
        }
        try self.cluster.start(part)
        self.note("a new \(part) stands by")
        return finding
    }

    private func loseRedis(of unit: ClusterLayout.Unit) async throws -> Finding {
        guard let family = self.servers.redis(of: unit.name) else { throw CommandError("\(unit.name) has no Redis") }
        let lost = try await OwnedThread.run("fault") {
            guard let master = try family.agreedMaster() else { throw CommandError("the Sentinels do not agree") }
            family.kill(master)
            return master
        }
        self.note("lost: the Redis of \(unit.name) that its Sentinels name")
        try await OwnedThread.run("fault") {
            try RedisTool.wait(for: "decision of a Sentinel") {
                try family.sentinelPorts.contains {
                    let named = try family.namedMaster(by: $0)
                    return named != nil && named != lost
                }
            }
        }
        self.note("a Sentinel of \(unit.name) names another Redis")
        return await self.measure(
            "a region's Redis", "from a Sentinel's decision until the unit sells", goal: 3
        ) { await self.buyer.buys(at: unit) }
    }

    private func measure(
        _ loss: String, _ measured: String, goal: Double, until isReached: @Sendable () async -> Bool
    ) async -> Finding {
        let seconds = await ProbeBuyer.seconds(limitSeconds: Self.limitSeconds, until: isReached)
        let took = seconds.map { String(format: "%.2f s", $0) } ?? "NOT WITHIN \(Int(Self.limitSeconds)) s"
        self.note("\(measured): \(took)")
        return Finding(loss: loss, measured: measured, seconds: seconds, goalSeconds: goal)
    }
}
