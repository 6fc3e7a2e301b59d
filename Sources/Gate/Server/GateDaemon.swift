import CurlClient
package import DaemonSupport
import Edge
import Hummingbird
import Identity
import Lanes
import Logging
import NIOCore
import ServiceLifecycle
import Threads
import TrancheAPI
import TrancheCore

/// One gate's process, put together.
package enum GateDaemon {
    /// Runs until SIGTERM or SIGINT. Then it takes no new connections, and answers every accepted request.
    package static func run(_ values: DaemonConfiguration) async throws {
        let configuration = try GateConfiguration(values)
        var logger = Daemon.logger("tranche-gate")
        logger[metadataKey: "gate"] = "\(configuration.name)"
        try PortCheck.check("public.port", host: configuration.publicHost, port: configuration.publicPort)
        try PortCheck.check("internal.port", host: configuration.internalHost, port: configuration.internalPort)

        let curl = CurlClient(tls: configuration.transport.client)
        let telemetry = Telemetry()
        let redis = try GateRedis(configuration.redis, logger: logger)
        let keys = IdentityKeys()
        let watch = KeyWatch(configuration.identity, keys: keys, logger: logger)
        let dev = Self.devIdentity(configuration)
        try await watch.load(dev)
        let provider = configuration.captcha.map { CaptchaProvider($0, logger: logger) }
        let house = Gatehouse(
            configuration, redis: redis, verifier: watch.verifier, telemetry: telemetry, provider: provider)
        let status = StatusPages(house)
        let link = CenterLink(house, curl: curl, logger: logger)
        let calls = GateRedisCalls(redis)
        // Units' public addresses are for buyers: no certificate of this installation is shown there, or asked for.
        let buyers = CurlClient()
        let units = UnitCalls(curl: buyers, telemetry: telemetry)
        let routes = GateRoutes(
            house: house, status: status, page: SalePage(house: house, status: status), calls: calls,
            again: AgainCalls(house: house, calls: calls, units: units),
            dev: Self.devCalls(dev, configuration, house, units))
        let router = DaemonRouter.make(
            for: .anybody, logger: logger, telemetry: telemetry, notReady: { Self.reasonNotReady(link, redis) },
            routes.add)
        let publicService = LaneService(
            host: configuration.publicHost, port: configuration.publicPort, lanes: configuration.lanes,
            limits: EdgeLimits(
                connections: configuration.connectionLimit,
                connectionsPerAddress: configuration.connectionLimitPerAddress, bodyBytes: GateRoutes.bodyBytes),
            router: router.buildResponder(),
            isProxy: { configuration.protocolProxies.contains(NetworkAddress($0)) }, logger: logger
        ) { GateDesk(house, status: status, poller: $0) }
        let lists = ListFiles(folder: configuration.listsFolder, house: house, logger: logger)
        lists.refresh()
        let work = GateWork(link: link, status: status, keys: watch, lists: lists, meter: LoadMeter(house: house))
        logger.info("starting", metadata: ["public": "\(configuration.publicURL)"])
        let notice = ServiceNotice(logger: logger) {
            PortCheck.answers(host: configuration.publicHost, port: configuration.publicPort)
                && PortCheck.answers(host: configuration.internalHost, port: configuration.internalPort)
        }
        let figures = GateFigures(house: house, redis: redis)
        try await Daemon.run(
            [
                notice, Vitals("tranche-gate", telemetry: telemetry, measure: figures.setGauges),
                configuration.transport.watch(telemetry, logger), values.secretWatch(telemetry, logger),
                GateRedisService(redis: redis), work,
                Self.internalApplication(configuration, link, redis, telemetry, logger), publicService,
            ], logger: logger)
        curl.stop()
        buyers.stop()
        watch.stop()
        provider?.stop()
        logger.info("stopped")
    }

    private static func devCalls(
        _ dev: DevIdentity?, _ configuration: GateConfiguration, _ house: Gatehouse, _ units: UnitCalls
    ) -> DevCalls? {
        guard let dev, let secrets = configuration.paymentSecrets else { return nil }
        return DevCalls(
            identity: dev, house: house, signatures: secrets.derive { PaymentSignature(secrets: $0) }, calls: units)
    }

    private static func internalApplication(
        _ configuration: GateConfiguration, _ link: CenterLink, _ redis: GateRedis, _ telemetry: Telemetry,
        _ logger: Logger
    ) -> some Service {
        let router = DaemonRouter.make(
            for: .inner, logger: logger, telemetry: telemetry, notReady: { self.reasonNotReady(link, redis) }
        ) { _ in }
        return EdgeServer.application(
            router: router, host: configuration.internalHost, port: configuration.internalPort,
            limits: EdgeLimits(connections: 256, connectionsPerAddress: 128, bodyBytes: 1 << 10),
            tls: configuration.transport.server, logger: logger)
    }

    /// Without its Redis a gate serves on, but the limits are its own: operators should know.
    private static func reasonNotReady(_ link: CenterLink, _ redis: GateRedis) -> String? {
        if let reason = link.reasonNotReady { return reason }
        return redis.isAway ? "the gate's Redis does not answer: limits and challenges are not shared" : nil
    }

    /// All gates of an installation derive the same key, so a name that signed in at one is known at the others.
    private static func devIdentity(_ configuration: GateConfiguration) -> DevIdentity? {
        guard case .dev = configuration.identity else { return nil }
        return DevIdentity(gateKey: configuration.gateKeys[0])
    }
}

/// Runs the thread that asks the gates' Redis.
struct GateRedisService: Service {
    let redis: GateRedis
    func run() async throws {
        await withGracefulShutdownHandler {
            await OwnedThread.run("gate redis", stackBytes: 1 << 20, owning: [self.redis.owner]) {
                self.redis.run()
            }
        } onGracefulShutdown: {
            self.redis.stop()
        }
    }
}

/// What a gate does beside its requests.
struct GateWork: Service {
    let link: CenterLink
    let status: StatusPages
    let keys: KeyWatch
    let lists: ListFiles
    let meter: LoadMeter
    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.link.pull() }
                group.addTask { await self.link.report() }
                group.addTask { await self.status.run() }
                group.addTask { await self.keys.run() }
                group.addTask { await self.lists.run() }
                group.addTask { await self.meter.run() }
            }
        }
    }
}
