import CurlClient
package import DaemonSupport
import Edge
import Foundation
import Hummingbird
import HummingbirdCore
import Lanes
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sockets
import Storage
import Threads
import TrancheAPI
import TrancheCore

/// One unit's process, put together.
package enum UnitDaemon {
    /// Runs until SIGTERM or SIGINT. Then it stops: it takes no new connections, and answers every accepted request.
    ///
    /// - Parameter resetsClock: Set by an operator who knows that a wrong clock made the ledger's last stamps.
    package static func run(_ values: DaemonConfiguration, resetsClock: Bool = false) async throws {
        let configuration = try UnitConfiguration(values)
        SystemClock.offsetMicroseconds = configuration.clockOffsetMicroseconds
        var logger = Daemon.logger("tranche-unit")
        logger[metadataKey: "unit"] = "\(configuration.name)"
        let lock = try FolderLock(folder: configuration.folder)
        defer { withExtendedLifetime(lock) {} }
        try PortCheck.check("public.port", host: configuration.publicHost, port: configuration.publicPort)
        try PortCheck.check("internal.port", host: configuration.internalHost, port: configuration.internalPort)

        let ledger = try self.openLedger(configuration)
        var book = try ledger.recover()
        if resetsClock { try self.resetClock(of: ledger, &book, logger) }
        try await self.waitForClock(book.ceiling, logger)
        self.reserveLog(of: ledger, logger)
        let checkpoints = try (ledger as? UnitLedger).map { try LedgerCheckpoints(of: $0.path) }
        defer { checkpoints?.stop() }

        let file = ConfigFile(folder: configuration.folder)
        let curl = CurlClient(tls: configuration.transport.client)
        let telemetry = Telemetry()
        let (meters, pulse) = (UnitMeters(telemetry), Pulse())
        let waiters = Waiters()
        let poller = try Poller()
        let archives = ledger.archives(in: configuration.archiveFolder)
        let intake = Intake(
            uncertaintyMicroseconds: 500, durableCeiling: book.ceiling, bell: poller,
            archive: OrderArchive(archives))
        let contest = ContestLink(configuration, curl: curl, intake: intake, telemetry: telemetry, logger: logger)
        let watch = OrderWatch(connections: configuration.connectionLimit, telemetry: telemetry)
        let link = CenterLink(configuration, curl: curl, file: file, contest: contest, logger: logger)
        link.onEvent { intake.post($0) }
        let redis = RedisCalls(
            configuration.redis, unit: configuration.unit, poller: poller, token: 0,
            report: { [logger] in logger.notice("\($0)") })
        let tally = self.watch(redis, meters, telemetry)
        let archive = ArchiveWorker(
            archives: archives, ledger: configuration.ledgerFile, intake: intake, logger: logger)
        let outbox = try Outbox(configuration.consumers)
        let engine = try Engine(
            Engine.Parts(
                ledger: ledger, intake: intake, waiters: waiters, redis: redis, archive: archive, outbox: outbox,
                poller: poller, center: link,
                coordinator: contest, watch: watch, telemetry: telemetry, tally: tally, pulse: pulse, logger: logger,
                lanes: configuration.lanes),
            book: book, rules: file.config.rules)
        try outbox.claim(ledger, engine.machine.book, telemetry, logger)
        file.onApply { config in
            intake.post(.configured(config.rules))
            if !config.lotsWithoutEvents.isEmpty { watch.wakeAll() }
        }

        let codecs = configuration.tokenSecrets.derive { TokenCodec(secrets: $0) }
        let gate = TokenGate(
            unit: configuration.unit, codecs: codecs, intake: intake, waiters: waiters, file: file, meters: meters)
        let figures = UnitFigures(
            engine: engine, intake: intake, watch: watch, file: file, link: link, telemetry: telemetry)
        let publicService = self.publicService(configuration, gate, engine, link, watch, telemetry, logger)
        let internalApplication = self.internalApplication(configuration, codecs, file, engine, link, telemetry, logger)
        self.logStart(configuration, ledger, logger)
        // The last service stops first: buyers' requests, then operators', then the pull, and the engine at last.
        try await Daemon.run(
            self.insight(configuration, figures, pulse, logger) + [
                values.secretWatch(telemetry, logger),
                EngineService(engine: engine, owned: [ledger.owner, redis.owner]), OutboxService(outbox: outbox),
                PullService(link: link), internalApplication, publicService,
                watch, ClockSteps(path: configuration.clockStepFile),
            ],
            logger: logger)
        curl.stop()
        logger.info("stopped")
    }

    /// Stamps never go back over a restart: the wall clock must have passed the last run's ceiling.
    private static func waitForClock(_ ceiling: Stamp, _ logger: Logger) async throws {
        while true {
            switch HybridClock.start(durableCeiling: ceiling, now: SystemClock.now()) {
            case .ready: return
            case .wait(let milliseconds): try await Task.sleep(for: .milliseconds(milliseconds))
            case .refuse(let behind):
                throw StartError(
                    "the clock is \(behind) ms behind the last stamp of this ledger: set the clock, then start again; if the "
                        + "clock is right and was wrong before, start once with --reset-clock")
            }
        }
    }

    /// Stamps go on from the present moment, although the ledger has later ones. Contested requests with later stamps
    /// keep their places.
    private static func resetClock(
        of ledger: any LedgerStore, _ book: inout UnitBook, _ logger: Logger
    ) throws(StorageError) {
        let now = Stamp(SystemClock.now())
        guard book.ceiling > now else { return }
        let reset = LedgerEntry.ceilingReset(now)
        try ledger.commit([reset], as: book.incarnation)
        logger.warning("the clock of stamps was set back", metadata: ["from": "\(book.ceiling)", "to": "\(now)"])
        book.apply(reset)
    }

    private static func publicService(
        _ configuration: UnitConfiguration, _ gate: TokenGate, _ engine: Engine, _ link: CenterLink,
        _ watch: OrderWatch,
        _ telemetry: Telemetry, _ logger: Logger
    ) -> some Service {
        let routes = PublicRoutes(
            gate: gate, signatures: configuration.paymentSecrets.derive { PaymentSignature(secrets: $0) },
            region: configuration.region, watch: watch)
        let router = DaemonRouter.make(
            for: .anybody, logger: logger, telemetry: telemetry, notReady: { self.reasonNotReady(engine, link) },
            routes.add)
        return LaneService(
            host: configuration.publicHost, port: configuration.publicPort, lanes: configuration.lanes,
            limits: EdgeLimits(
                connections: configuration.connectionLimit,
                connectionsPerAddress: configuration.connectionLimitPerAddress, bodyBytes: PublicRoutes.bodyBytes),
            router: router.buildResponder(), logger: logger
        ) { poller in
            let desk = OrderDesk(gate, poller: poller)
            gate.waiters.add(desk)
            return desk
        }
    }

    private static func internalApplication(
        _ configuration: UnitConfiguration, _ codecs: Derived<TokenCodec>, _ file: ConfigFile, _ engine: Engine,
        _ link: CenterLink, _ telemetry: Telemetry, _ logger: Logger
    ) -> some Service {
        let router = DaemonRouter.make(
            for: .inner, logger: logger, telemetry: telemetry, notReady: { self.reasonNotReady(engine, link) }
        ) {
            let routes = InternalRoutes(configuration: configuration, codecs: codecs, file: file, engine: engine)
            let count = RequestCount(telemetry: telemetry)
            routes.addCenter(
                to: $0.group("/internal/v1").add(middleware: count).add(
                    middleware: CredentialMiddleware(
                        .role("the center", secrets: configuration.centerSecrets), for: .directives)))
            let shop = $0.group("/internal/v1").add(middleware: count).add(
                middleware: CredentialMiddleware(
                    .role("the shop", secrets: configuration.shopSecrets), for: .sales))
            routes.addShop(to: shop)
            OutboxRoutes(outbox: engine.parts.outbox, unit: configuration.unit).add(to: shop)
        }
        return EdgeServer.application(
            router: router, host: configuration.internalHost, port: configuration.internalPort,
            limits: EdgeLimits(connections: 1_024, connectionsPerAddress: 512, bodyBytes: InternalRoutes.bodyBytes),
            tls: configuration.transport.server, logger: logger)
    }

    private static func reasonNotReady(_ engine: Engine, _ link: CenterLink) -> String? {
        if let reason = link.reasonNotReady { return reason }
        let status = engine.currentStatus
        if let failure = status.failure { return failure }
        if !status.mayIssue { return "the ledger is not vouched for yet: waiting for the config center" }
        return status.unprimed.isEmpty
            ? nil : "lots not in Redis: \(status.unprimed.map(\.description).joined(separator: ", "))"
    }
}

/// Runs the engine's thread. At shutdown the engine answers every accepted request, and ends.
struct EngineService: Service {
    let engine: Engine
    /// The owners of the parts that the engine uses without a lock.
    let owned: [ThreadOwner]

    func run() async throws {
        await withGracefulShutdownHandler {
            await OwnedThread.run("engine", stackBytes: 4 << 20, owning: self.owned) { self.engine.run() }
        } onGracefulShutdown: {
            self.engine.parts.intake.close()
        }
    }
}

/// Pulls configuration until shutdown.
struct PullService: Service {
    let link: CenterLink
    func run() async throws { await cancelWhenGracefulShutdown { await self.link.pullConfig() } }
}
