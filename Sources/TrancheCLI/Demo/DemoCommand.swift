import ArgumentParser
import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import NIOConcurrencyHelpers
import Storage
import Terminal
import TrancheAPI
import TrancheCore
import Verification
import WideArea

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a whole sale on this machine: three regions sell exactly the stock, on real processes.",
        discussion: """
            Starts a cluster with links of 5, 40 and 90 ms between its regions and the center. Sends a crowd whose
            demand does not match the quota plan. The last items are contested over all regions, in the order in which
            buyers arrived, and returned items go to the waitlist. Buyers pay at a sample payment provider, which units ask
            before they sell an unpaid item again. A sample shop hears of every order by webhooks. Both keep books of their
            own. Then all processes stop, the outcome is judged from the files alone, and the ledgers are compared with
            the two other books, to the item and to the cent. Exit code 2 if the verdict fails.

            --watch makes an operator of this demo alone, says where the console is, and leaves it open after the sale:
            with Ctrl-C the processes stop, and the outcome is judged, acts at the console included.

            \(MachineFaults.story)
            """)

    @Option(help: "The lot's stock; \(DemoSize.texts { "\($0.stock)" }); less on a slow machine.") var stock: Int?
    @Option(help: "Buyers; \(DemoSize.texts { "\($0.buyers)" }); fewer on a slow machine.") var buyers: Int?
    @Option(help: "Seconds in which the buyers arrive; \(DemoSize.texts { "\(Int($0.seconds))" }).")
    var seconds: Double?
    @Option(help: "Weights of the demand in us-east, eu-west and ap-south; \(DemoSize.texts(\.skew)).")
    var skew: String?
    @Flag(help: "Kill a unit, a Redis, the center, the shop, the provider and the coordinator during the sale.")
    var faults = false
    @Flag(help: "Stop the center and the coordinators before the sale opens: units sell exactly their quota.")
    var alone = false
    @Flag(help: "Lose machines of PostgreSQL, the center and Redis, whose standbys take over, and add a unit.")
    var machines = false
    @Flag(
        name: .customLong("watch"),
        help: "Print the console's address and a credential, and keep the console after the sale until Ctrl-C.")
    var isWatched = false
    @Option(help: "The data folder; if not given, a new temporary one, which is removed after a good verdict.")
    var data: String?
    @Option(help: "Seed of the crowd.") var seed: UInt64 = UInt64(Date().timeIntervalSince1970)
    @OptionGroup var visitors: VisitorOptions
    @Flag(help: "Print JSON, for scripts.") var json = false

    /// Items that one buyer may have.
    static let buyerLimit = 1
    /// The crowd at the gates, where nothing else is asked for.
    static let shares = VisitorShares(doubleClickers: 3, scripts: 1, blocked: 1, forgers: 1, replayers: 1)
    static let paymentWindowMilliseconds: Int64 = 4_000
    /// Of 100 payments, a fifth of these each: late, twice, repeated, behind a forged one, and one that nobody is told of.
    static let oddPaymentPercent = 4
    /// Of one item.
    static let price = Money(minor: 1_999, currency: Currency("EUR")!)!
    static let sale = "demo"
    /// How long the first buyers wait for the opening.
    static let earlySeconds = 2.0

    var size: DemoSize {
        var size = self.machines ? DemoSize.machines : .usual
        size.stock = self.stock ?? size.stock
        size.buyers = self.buyers ?? size.buyers
        size.seconds = self.seconds ?? size.seconds
        size.skew = self.skew ?? size.skew
        return size
    }

    /// On a slow machine, a smaller sale: the crowd would only show how long its queues are.
    private mutating func fitToMachine() async {
        guard self.stock == nil, self.buyers == nil else { return }
        let speed = await MachineSpeed.measure()
        let (usual, fitted) = (self.size, self.size.fitted(to: speed.share))
        guard fitted.buyers < usual.buyers else { return }
        self.say(
            """
            this machine runs \(Output.number(Int(speed.eventsPerSecond))) simulated events a second now, the usual demo wants \
            \(Output.number(Int(MachineSpeed.usualEventsPerSecond))): \(Output.number(fitted.buyers)) buyers instead of \
            \(Output.number(usual.buyers)); --stock and --buyers set the size
            """)
        (self.stock, self.buyers) = (fitted.stock, fitted.buyers)
    }

    func validate() throws {
        if self.machines, self.faults || self.alone {
            throw ValidationError("--machines has faults of its own: omit --faults and --alone")
        }
        if self.isWatched, self.machines || self.alone || self.json {
            throw ValidationError(
                "--watch is for a person at the console of one center that stays: omit --machines, --alone and --json")
        }
    }

    /// The folder of a new cluster.
    func newFolder() throws -> ClusterFolder {
        let path = try self.data ?? PrivateFolder.make("tranche-demo")
        let folder = ClusterFolder(path: URL(fileURLWithPath: path).standardizedFileURL.path)
        guard !FileManager.default.fileExists(atPath: folder.layoutPath) else {
            throw CommandError(
                "\(folder.path) already has a cluster, but a demo needs an empty folder: choose another --data")
        }
        return folder
    }

    mutating func run() async throws {
        await self.fitToMachine()
        if self.machines { return try await MachinesDemo(command: self).run() }
        let folder = try self.newFolder()
        let layout = try ClusterLayout.random(
            regions: ThreeRegions.names, isWide: true, hasGates: true, hasShop: true, hasProvider: true)
        try folder.save(layout)
        let view = LiveView(layout, story: Story(isQuiet: self.json))
        let story = view.story
        let cluster = LocalCluster(folder: folder, layout: layout, wan: ThreeRegions.links) { story.note("\($0)") }
        let console = try self.console(folder, layout)
        let signals = StopSignals()
        let isSold = NIOLockedValueBox(false)
        let interrupt = Task {
            await signals.wait()
            if Task.isCancelled || isSold.withLockedValue({ $0 }) { return }
            await cluster.stop()
            Foundation.exit(130)
        }
        let outcome: DemoOutcome
        do { outcome = try await self.sell(cluster, view) } catch {
            await cluster.stop()
            throw error
        }
        if let console {
            isSold.withLockedValue { $0 = true }
            self.say("the sale is over; \(console.address) shows it until Ctrl-C, and then comes the verdict")
            await interrupt.value
        }
        await cluster.stop()
        interrupt.cancel()
        try Data(JSON.encode(outcome.load.acknowledged.keys.sorted())).write(
            to: URL(fileURLWithPath: folder.path + "/acknowledged.json"))
        let verifier = try Verifier(
            folder: folder.path, acknowledged: Array(outcome.load.acknowledged.keys), paid: outcome.load.paidOrders)
        let report = verifier.report()
        let verdict = DemoVerdict(
            report: report, fairness: verifier.fairness(LotID(1)), outcome: outcome, stock: self.size.stock,
            isAlone: self.alone,
            books: outcome.shop.map {
                BookComparison(ledgers: verifier.bookedOrders, shop: $0, provider: outcome.payments)
            },
            money: outcome.provider.map { MoneyComparison(ledgers: verifier.bookedMoney, provider: $0) })
        if self.json { Output.json(verdict) } else { verdict.print(layout, report, outcome) }
        if verdict.isGood, self.data == nil {
            try? FileManager.default.removeItem(atPath: folder.path)
        } else {
            self.say("data: \(folder.path)")
        }
        if !verdict.isGood { throw ExitCode(2) }
    }

    func say(_ text: String) { if !self.json { Output.line(text) } }

    private func sell(_ cluster: LocalCluster, _ view: LiveView) async throws -> DemoOutcome {
        self.say("starting the center, the coordinator, and \(ThreeRegions.names.count) units with a Redis each …")
        try await cluster.start()
        try await cluster.waitUntilHealthy()
        let client = AdminClient(cluster.layout)
        try await self.warm(client)
        let size = self.size
        var plan = LoadPlan(buyers: size.buyers, seconds: size.seconds, weights: try size.weights)
        (plan.doublePercent, plan.cutPercent, plan.abandonPercent, plan.seed) = (5, 3, 10, self.seed)
        (plan.oddPaymentPercent, plan.lateMilliseconds) = (Self.oddPaymentPercent, Int(Self.paymentWindowMilliseconds))
        plan.shares = self.visitors.shares(Self.shares)
        let arrivals = plan.arrivals()
        self.say(
            """
            \(Output.number(size.stock)) items in equal thirds; \(Output.number(size.buyers)) buyers within \(Int(size.seconds)) s, demand \(size.skew); \
            5% submit twice, 3% lose their connection, 10% never pay, \(Self.oddPaymentPercent)% pay late, twice, by a \
            callback that comes three times or never, or behind a forged one (seed \(self.seed));
            at the gates \(plan.shares.text)
            """)
        try await client.block(arrivals, in: Self.sale)
        // Buyers who come before the opening are drawn; nobody needs to come before a sale without a line.
        let early = self.alone ? 0.0 : Self.earlySeconds
        let startsAt = Int64((Date().timeIntervalSince1970 + 1 + early) * 1_000)
        _ = try await client.step(.open, Self.sale, OpenBody(startsAtMilliseconds: startsAt))
        if self.alone {
            try await self.waitForOpening(client, startsAt)
            for part in [.coordinator, .center] as [LocalCluster.Part] { await cluster.stop(part) }
        }
        var settings = Crowd.Settings()
        settings.patienceMilliseconds = Int(size.seconds * 1_000) + 25_000
        settings.comesBackAfterMilliseconds = 3_000...8_000
        settings.sale = Self.sale
        settings.scriptRequests = self.visitors.scriptRequests
        let crowd = Crowd(
            cluster.layout.target(lot: LotID(1), throughGates: true, price: Self.price), settings: settings)
        try await Task.sleep(for: .milliseconds(1_100))
        view.begin()
        let story = view.story
        let faults = self.faults ? Task { await DemoFaults(cluster: cluster).run { story.note($0) } } : nil
        let load = await self.watch(crowd, arrivals, client, view)
        await faults?.value
        let seconds = view.seconds
        let provider = try await self.providerBook(client, story)
        let shop = try await self.shopBook(client, story)
        return DemoOutcome(
            load: load, split: StaticSplit(arrivals.filter { !$0.kind.mustWinNothing }, stock: size.stock),
            seconds: seconds, seed: self.seed, shop: shop, provider: provider, deaths: cluster.deaths.map(\.description)
        )
    }

    private func warm(_ client: AdminClient) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let sale = SaleConfig.Sale(
            id: Self.sale, name: "demo", startsAtMilliseconds: now + 60_000, endsAtMilliseconds: now + 3_600_000,
            paymentWindowMilliseconds: Self.paymentWindowMilliseconds,
            lots: [
                .init(
                    id: LotID(1), name: "demo", stock: self.size.stock, perBuyerLimit: Self.buyerLimit, poolPermille: 0,
                    // Without the center no threshold rises.
                    line: self.alone ? .open : .lotteryThenFirstCome,
                    price: LotPrice(amount: Self.price.minor, currency: Self.price.currency.code))
            ],
            // The least work: the generator does that of every browser, on the same machine.
            // Short tokens: a line that stands for those who have one, and do not use it, must go on within the demo.
            gate: SaleConfig.GateRules(challenge: .work, workCost: 1, tokenSeconds: 10))
        try await client.waitForUnits(ThreeRegions.names.count)
        _ = try await client.call("POST", "/v1/sales", sale, as: SaleDocument.self)
        _ = try await client.step(.warm, Self.sale)
        _ = try await client.waitUntilReady(Self.sale, seconds: 20) { _ in }
        self.say("warm: every unit has the rules, and has its quota in the ledger and in Redis")
    }

    /// Waits until units and gates know the opening.
    private func waitForOpening(_ client: AdminClient, _ startsAt: Int64) async throws {
        while !(try await client.sale(Self.sale)).readiness.missing.filter({ $0.contains("version") }).isEmpty {
            try await Task.sleep(for: .milliseconds(50))
        }
        for gate in client.layout.gates {
            while await client.status(of: Self.sale, at: gate)?.opensAt != startsAt {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
