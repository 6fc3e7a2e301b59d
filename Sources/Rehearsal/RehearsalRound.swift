package import Clusters
import Foundation
import LoadGenerator
package import Terminal
import TrancheAPI
import TrancheCore
import Verification

/// One sale from the warm-up to the verdict, with faults while the crowd buys.
package struct RehearsalRound {
    let plan: RehearsalPlan
    let folder: ClusterFolder
    let interrupt: Interrupt
    let referee: RehearsalReferee?
    let note: @Sendable (String) -> Void

    /// - Parameter referee: Decides how long faults last, and when there are no more; then the round ends, and what is
    ///   not sold yet stays so.
    package init(
        plan: RehearsalPlan, folder: ClusterFolder, interrupt: Interrupt, referee: RehearsalReferee? = nil,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.folder = folder
        self.interrupt = interrupt
        self.referee = referee
        self.note = note
    }

    /// Seconds after the end of the crowd for the last payments and for stranded quota.
    static let drainSeconds = 60.0

    package func run() async throws -> RehearsalOutcome {
        let layout = try ClusterLayout.random(regions: ThreeRegions.names, isWide: true, hasGates: true)
        try self.folder.save(layout)
        let disk = try self.smallDisk(layout)
        let note = self.note
        let cluster = LocalCluster(folder: self.folder, layout: layout, wan: ThreeRegions.links) { note("\($0)") }
        self.interrupt.onInterrupt {
            await cluster.stop()
            try? disk?.unmount()
        }
        defer { self.interrupt.onInterrupt(nil) }
        let seen: Seen
        do { seen = try await self.sell(cluster, disk) } catch {
            await cluster.stop()
            try? disk?.unmount()
            throw error
        }
        await cluster.stop()
        try disk?.unmount()
        let told = Array(seen.load.acknowledged.keys) + seen.probed
        try Data(JSON.encode(told.sorted())).write(
            to: URL(fileURLWithPath: self.folder.path + "/acknowledged.json"))
        try Data(JSON.encode(seen.load.paidOrders.sorted())).write(
            to: URL(fileURLWithPath: self.folder.path + "/paid.json"))
        let report = try Verifier(folder: self.folder.path, acknowledged: told, paid: seen.load.paidOrders).report()
        return RehearsalOutcome(self.plan, report, seen)
    }

    /// Observations from outside, while the sale ran.
    struct Seen {
        let load: LoadReport
        let probed: [OrderID]
        let events: [Nemesis.Event]
        let settled: [StrandedDesk.Settled]
        let hadSmallDisk: Bool
        let seconds: Double
        /// Crashes of processes that were not faults of the rehearsal.
        let crashes: [String]
    }

    /// The small disk must have room for the unit's ledger and for its replaced ledgers.
    private func smallDisk(_ layout: ClusterLayout) throws -> SmallDisk? {
        guard self.plan.faults.contains(.fillDisk), self.plan.stock <= SmallDisk.stockLimit else { return nil }
        return SmallDisk(unit: layout.units[1].name, path: self.folder.unit(layout.units[1].name))
    }

    private func sell(_ cluster: LocalCluster, _ disk: SmallDisk?) async throws -> Seen {
        let started = ContinuousClock.now
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        let client = AdminClient(cluster.layout)
        try await self.open(client)
        let crowd = self.crowd(cluster.layout)
        let probe = RecoveryProbe(cluster.layout)
        let end = ContinuousClock.now + .seconds(self.plan.seconds)
        let arrivals = self.arrivals()
        let run = Task { await crowd.run(arrivals) }
        let (plan, note, referee) = (self.plan, self.note, self.referee)
        let faults = Task {
            let nemesis = Nemesis(cluster, probe, plan, smallDisk: disk, referee: referee, note: note)
            await nemesis.run(until: end)
            return nemesis.events
        }
        defer {
            faults.cancel()
            run.cancel()
        }
        let settled = try await self.attend(cluster, client, crowd, until: end, faults: faults)
        run.cancel()
        try? await Task.sleep(for: .milliseconds(500))
        return Seen(
            load: crowd.current, probed: probe.acknowledged, events: await faults.value, settled: settled,
            hadSmallDisk: disk != nil, seconds: RecoveryProbe.seconds(since: started),
            crashes: cluster.deaths.filter(\.isCrash).map(\.description))
    }

    private func open(_ client: AdminClient) async throws {
        try await client.waitForUnits(ThreeRegions.names.count)
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        _ = try await client.call("POST", "/v1/sales", self.plan.config(now: now), as: SaleDocument.self)
        _ = try await client.step(.warm, RehearsalPlan.sale)
        _ = try await client.waitUntilReady(RehearsalPlan.sale, seconds: 20) { _ in }
        _ = try await client.step(.open, RehearsalPlan.sale, OpenBody(startsAtMilliseconds: now + 1_000))
        try await Task.sleep(for: .milliseconds(1_200))
    }

    private func crowd(_ layout: ClusterLayout) -> Crowd {
        var settings = Crowd.Settings()
        settings.patienceMilliseconds = Int(self.plan.seconds * 1_000 + Self.drainSeconds * 1_000)
        settings.comesBackAfterMilliseconds = 3_000...8_000
        settings.sale = RehearsalPlan.sale
        return Crowd(layout.target(lot: RehearsalPlan.lot, throughGates: true), settings: settings)
    }

    private func arrivals() -> [Arrival] {
        var plan = LoadPlan(buyers: self.plan.buyers, seconds: self.plan.seconds, weights: self.plan.weights)
        (plan.doublePercent, plan.cutPercent, plan.abandonPercent, plan.botPercent, plan.seed) = (
            8, 4, 12, 5, self.plan.seed
        )
        plan.shares = VisitorShares(doubleClickers: 3, forgers: 1)
        return plan.arrivals()
    }

    /// Watches the sale and settles stranded quota, until all stock is paid for or the time is over.
    private func attend(
        _ cluster: LocalCluster, _ client: AdminClient, _ crowd: Crowd, until end: ContinuousClock.Instant,
        faults: Task<[Nemesis.Event], Never>
    ) async throws -> [StrandedDesk.Settled] {
        var desk = StrandedDesk(folder: self.folder, layout: cluster.layout)
        var saidAt = ContinuousClock.now
        while ContinuousClock.now < end, self.referee?.isOver != true {
            if self.referee?.isLasting != true, let state = try? await client.quota() {
                _ = await desk.look(state, client)
            }
            if RecoveryProbe.seconds(since: saidAt) > 10 {
                saidAt = .now
                let now = crowd.current
                self.note("\(now.requests) requests, \(now.acknowledged.count) orders, \(now.paid) paid")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        _ = await faults.value
        if self.referee?.isOver == true { return desk.settled }
        self.note("no more faults: all stock must be sold, or settled")
        let last = ContinuousClock.now + .seconds(Self.drainSeconds)
        while ContinuousClock.now < last {
            if let state = try? await client.quota() {
                // The settled items return to the pool, which `state` does not show yet.
                let isQuiet = await !desk.look(state, client)
                if isQuiet, Self.isOver(state) { return desk.settled }
            }
            try await Task.sleep(for: .milliseconds(300))
        }
        self.note("not sold out \(Int(Self.drainSeconds)) s after the last fault")
        return desk.settled
    }

    /// Whether nothing is left to sell, nothing waits for payment, and nothing is stranded.
    ///
    /// Reports are late: a unit with no stock in its last report may have a grant on its way. The accounts know better:
    /// the sale is over when every unit has reported as many paid items as its account ever got.
    private static func isOver(_ state: QuotaState) -> Bool {
        guard let lot = state.lots.first(where: { $0.lot == RehearsalPlan.lot }) else { return false }
        let active = lot.units.filter { $0.isActive }
        return lot.pool == 0
            && active.allSatisfy { $0.available == 0 && $0.live == $0.paid && $0.outstanding <= $0.paid }
            && !state.lots.contains { $0.units.contains(where: \.isStranded) }
    }
}
