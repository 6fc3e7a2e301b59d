import ArgumentParser
import Clusters
import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import PostgresClient
import Storage
import Terminal
import TrancheAPI
import TrancheCore
import Verification

/// `demo --machines`: a sale whose servers are lost one after the other, each of them for good, and which a unit joins.
struct MachinesDemo {
    let command: DemoCommand
    private static let lot = LotID(1)
    /// A second lot that never sells out: a unit that can sell it works.
    private static let probeLot = LotID(2)
    private static let probeStock = 10_000
    /// A buyer whose unit is away for a while can still pay.
    private static let paymentWindowMilliseconds: Int64 = 12_000

    private var size: DemoSize { self.command.size }

    func run() async throws {
        _ = try self.size.weights
        try RegionServers.checkPrograms()
        let folder = try self.command.newFolder()
        try folder.make(folder.path)
        // Root's PostgreSQL runs as another user, who has to pass. Nothing in the folder is readable for others.
        if geteuid() == 0 { chmod(folder.path, 0o711) }
        let servers = try RegionServers(folder: folder.path, units: ThreeRegions.names + [AddedUnit.name])
        let layout = try ClusterLayout.random(regions: ThreeRegions.names, postgres: servers.centers.target)
        try folder.save(layout)
        let story = Story(isQuiet: self.command.json)
        let cluster = LocalCluster(folder: folder, layout: layout, stores: servers.stores) { story.note("\($0)") }
        let added = try AddedUnit(joining: layout, folder: folder, servers: servers, story: story)
        let view = LiveView(added.cluster.layout, story: story)
        let stop: @Sendable () async -> Void = {
            await cluster.stop()
            await added.cluster.stop()
            await servers.stop()
        }
        let isTemporary = self.command.data == nil
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let isInterrupted = NIOLockedValueBox(false)
        interrupt.onInterrupt {
            isInterrupted.withLockedValue { $0 = true }
            await stop()
            if isTemporary { try? FileManager.default.removeItem(atPath: folder.path) }
        }
        let verdict: MachinesVerdict
        do { verdict = try await self.judge(cluster, added, servers, view) } catch {
            await stop()
            // The interrupt, which made it fail, ends this process when it has removed the folder.
            while isInterrupted.withLockedValue({ $0 }) { try await Task.sleep(for: .seconds(1)) }
            throw error
        }
        await stop()
        if self.command.json { Output.json(verdict) }
        if verdict.isGood, isTemporary {
            try? FileManager.default.removeItem(atPath: folder.path)
        } else {
            self.command.say("data: \(folder.path)")
        }
        if !verdict.isGood { throw ExitCode(2) }
    }

    /// Sells, stops the processes of Tranche, and judges by what is in PostgreSQL.
    private func judge(
        _ cluster: LocalCluster, _ added: AddedUnit, _ servers: RegionServers, _ view: LiveView
    ) async throws -> MachinesVerdict {
        self.command.say("starting a PostgreSQL and a Redis for each unit, with standbys …")
        try await servers.start()
        let buyer = ProbeBuyer(cluster.layout, lot: Self.probeLot)
        let faults = MachineFaults(
            cluster: cluster, servers: servers, added: added, lot: Self.lot, buyer: buyer
        ) { [story = view.story] in story.note($0) }
        let (outcome, (losses, joining)) = try await self.sell(cluster, faults, view)
        await cluster.stop()
        await added.cluster.stop()
        let told = Array(outcome.load.acknowledged.keys) + buyer.acknowledged
        try cluster.folder.write(
            String(decoding: JSON.encode(told.sorted()), as: UTF8.self), to: cluster.folder.path + "/acknowledged.json")
        let settings = AuthoritySettings(
            target: try PostgresTarget(servers.centers.target), allowsUnreplicated: false,
            permission: "authority.unreplicated")
        let verifier = try Verifier(
            folder: cluster.folder.path, authority: PostgresAuthority(settings), acknowledged: told,
            paid: outcome.load.paidOrders)
        let report = verifier.report()
        let sale = DemoVerdict(
            report: report, fairness: verifier.fairness(Self.lot), outcome: outcome, stock: self.size.stock,
            isAlone: false, unrepaired: losses.filter { $0.seconds == nil }.map(\.loss))
        let verdict = MachinesVerdict(
            sale: sale, losses: losses, tooLate: outcome.load.tooLate,
            growth: .init(
                joining, report.units.first { $0.name == joining.unit && $0.lot == Self.lot.rawValue }, outcome.load,
                buyersOfSeveralUnits: verifier.buyersOfSeveralUnits(Self.lot).count))
        if !self.command.json { verdict.print(cluster.layout, report, outcome) }
        return verdict
    }

    private func sell(_ cluster: LocalCluster, _ faults: MachineFaults, _ view: LiveView) async throws
        -> (DemoOutcome, (losses: [MachineFaults.Finding], joining: AddedUnit.Joining))
    {
        self.command.say("starting two centers, two coordinators, and \(ThreeRegions.names.count) units …")
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        let (size, client) = (self.size, AdminClient(cluster.layout))
        try await self.open(client)
        var plan = LoadPlan(buyers: size.buyers, seconds: size.seconds, weights: try size.weights)
        (plan.doublePercent, plan.cutPercent, plan.abandonPercent, plan.seed) = (5, 3, 5, self.command.seed)
        let arrivals = plan.arrivals()
        self.command.say(
            """
            \(Output.number(size.stock)) items in equal thirds; \(Output.number(size.buyers)) buyers within \
            \(Int(size.seconds)) s, demand \(size.skew); 5% submit twice, 3% lose their connection, 5% never pay \
            (seed \(self.command.seed))
            """)
        var settings = Crowd.Settings()
        settings.patienceMilliseconds = Int(size.seconds * 1_000) + 25_000
        settings.comesBackAfterMilliseconds = 3_000...8_000
        let crowd = Crowd(cluster.layout.target(lot: Self.lot), settings: settings)
        view.begin()
        let run = Task { try await faults.run() }
        let load = await self.command.watch(crowd, arrivals, client, view)
        let seen = try await run.value
        return (
            DemoOutcome(
                load: load, split: StaticSplit(arrivals, stock: size.stock), seconds: view.seconds,
                seed: self.command.seed,
                deaths: (cluster.deaths + faults.added.cluster.deaths).map(\.description)), seen
        )
    }

    private func open(_ client: AdminClient) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: DemoCommand.sale, name: "demo", startsAtMilliseconds: now, endsAtMilliseconds: now + 3_600_000,
            paymentWindowMilliseconds: Self.paymentWindowMilliseconds,
            lots: [
                .init(
                    id: Self.lot, name: "demo", stock: self.size.stock, perBuyerLimit: DemoCommand.buyerLimit,
                    poolPermille: 0),
                .init(
                    id: Self.probeLot, name: "probe", stock: Self.probeStock, perBuyerLimit: 1, poolPermille: 0,
                    contest: .init(when: .never)),
            ])
        try await client.waitForUnits(ThreeRegions.names.count)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, DemoCommand.sale)
        _ = try await client.waitUntilReady(DemoCommand.sale, seconds: 20) { _ in }
        self.command.say("warm: every unit has the rules, and has its quota in PostgreSQL and in Redis")
        _ = try await client.step(.open, DemoCommand.sale, OpenBody(startsAtMilliseconds: now))
        try await Task.sleep(for: .milliseconds(1_200))
    }
}
