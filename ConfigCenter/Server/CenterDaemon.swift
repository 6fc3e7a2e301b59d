import CurlClient
package import DaemonSupport
import Edge
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Storage
import TrancheAPI
import TrancheCore

/// The settings of the config center's process.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `center.host`, `center.port` | where units, coordinators and operators connect | 127.0.0.1, required |
/// | `data.folder` | authority log, configuration, audit trail | required |
///
/// Secrets, each a list with the newest first: `TRANCHE_UNITS_KEY`, from which the secrets of units are derived,
/// `TRANCHE_COORDINATOR_SECRET` of coordinators, `TRANCHE_GATE_SECRET` of gates and `TRANCHE_ADMIN_SECRET` of operators. How internal connections are kept
/// secret: ``TransportConfiguration``.
struct CenterConfiguration {
    let host: String
    let port: Int
    let folder: String
    let unitsKeys: [String]
    let coordinatorSecrets: [String]
    let gateSecrets: [String]
    let adminSecrets: [String]
    let transport: TransportConfiguration

    init(_ values: DaemonConfiguration) throws(StartError) {
        self.host = values.string("center.host", default: "127.0.0.1")
        self.port = try values.number("center.port", in: 1...65_535)
        self.folder = try values.string("data.folder")
        self.transport = try TransportConfiguration(values, role: .center)
        self.unitsKeys = try self.transport.secrets(values, "tranche.units.key")
        self.coordinatorSecrets = try self.transport.secrets(values, "tranche.coordinator.secret")
        self.gateSecrets = try self.transport.secrets(values, "tranche.gate.secret")
        self.adminSecrets = try self.transport.secrets(values, "tranche.admin.secret")
        try self.transport.check("center.host", host: self.host)
    }
}

/// The config center's process, put together.
package enum CenterDaemon {
    package static func run(_ values: DaemonConfiguration) async throws {
        let configuration = try CenterConfiguration(values)
        let logger = Daemon.logger("tranche-config-center")
        let lock = try FolderLock(folder: configuration.folder)
        defer { withExtendedLifetime(lock) {} }
        try PortCheck.check("center.port", host: configuration.host, port: configuration.port)
        let store = try AuthorityStore(path: configuration.folder + "/authority.sqlite")
        let keeper = try AuthorityKeeper(store: store, logger: logger)
        let curl = CurlClient(tls: configuration.transport.client)
        let book = try ConfigBook(keeper: keeper)
        let pusher = Pusher(curl: curl, unitsKeys: configuration.unitsKeys, logger: logger)
        let center = Center(keeper: keeper, book: book, pusher: pusher)

        let telemetry = Telemetry()
        let names = UnitNameCheck(book: book)
        let router = DaemonRouter.make(for: .inner, logger: logger, telemetry: telemetry) {
            let routes = InternalRoutes(center: center)
            routes.addUnits(
                to: $0.group("/internal/v1/units/:unit").add(
                    middleware: CredentialMiddleware(
                        .unit(keys: configuration.unitsKeys, .toCenter), for: .unitReports, naming: names.judge)))
            routes.addCoordinators(
                to: $0.group("/internal/v1").add(
                    middleware: CredentialMiddleware(
                        .role("a coordinator", secrets: configuration.coordinatorSecrets), for: .coordination)))
            routes.addGates(
                to: $0.group("/internal/v1/gates").add(
                    middleware: CredentialMiddleware(
                        .role("a gate", secrets: configuration.gateSecrets), for: .gateReports)))
            let operators = Caller.role("an operator", secrets: configuration.adminSecrets)
            AdminRoutes(center: center).add(
                to: $0.group("/v1").add(middleware: CredentialMiddleware(operators, for: .operations)))
        }
        let application = EdgeServer.application(
            router: router, host: configuration.host, port: configuration.port,
            limits: EdgeLimits(
                connections: 10_000, connectionsPerAddress: 5_000, bodyBytes: InternalRoutes.contestBytesLimit),
            tls: configuration.transport.server, logger: logger)
        let version = await book.push.version
        logger.info("starting", metadata: ["epoch": "\(keeper.epoch.rawValue)", "config": "\(version)"])
        let stopping = ShutdownHook { await book.stop() }  // Long polls would delay the shutdown.
        let watch = configuration.transport.watch(telemetry, logger)
        try await Daemon.run(
            [watch, application, WarmUp(center: center, telemetry: telemetry), stopping], logger: logger)
        keeper.stop()
        curl.stop()
    }
}

/// Grants the plans of warming sales while units register.
struct WarmUp: Service {
    static let everyMilliseconds = 250
    let center: Center
    let telemetry: Telemetry

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                self.center.keeper.checkPresence()
                await self.center.grantPlans()
                await self.center.moveLines()
                await self.measure()
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }

    private func measure() async {
        guard let state = try? await self.center.quota() else { return }
        for lot in state.lots {
            let label = "lot=\"\(lot.lot)\""
            self.telemetry.set("tranche_pool", "Stock that no unit holds.", labels: label, to: Double(lot.pool))
            self.telemetry.set("tranche_issued", "Stock of the lot.", labels: label, to: Double(lot.issued))
            self.telemetry.set(
                "tranche_stranded", "Stock that waits for settlement.", labels: label, to: Double(lot.stranded))
        }
        self.telemetry.set(
            "tranche_alarms", "Recent alarms about units' messages.", to: Double(self.center.keeper.alarms.count))
        self.telemetry.set("tranche_epoch", "Epoch of this center.", to: Double(state.epoch.rawValue))
    }
}
