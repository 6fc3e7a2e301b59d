import CurlClient
package import DaemonSupport
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Storage
import TrancheAPI
import TrancheCore

/// What the config center needs to know at its start.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `center.host`, `center.port` | where units, coordinators and operators connect | 127.0.0.1, required |
/// | `data.folder` | authority log, configuration, audit trail | required |
///
/// Secrets: `TRANCHE_SERVICE_SECRET` for units and coordinators, `TRANCHE_ADMIN_SECRET` for operators.
struct CenterConfiguration {
    let host: String
    let port: Int
    let folder: String
    let serviceSecret: String
    let adminSecret: String

    init(_ values: DaemonConfiguration) throws(StartError) {
        self.host = values.string("center.host", default: "127.0.0.1")
        self.port = try values.number("center.port", in: 1...65_535)
        self.folder = try values.string("data.folder")
        self.serviceSecret = try values.secret("tranche.service.secret")
        self.adminSecret = try values.secret("tranche.admin.secret")
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
        let curl = CurlClient()
        let book = try ConfigBook(keeper: keeper)
        let pusher = Pusher(curl: curl, serviceSecret: configuration.serviceSecret, logger: logger)
        let center = Center(keeper: keeper, book: book, pusher: pusher)

        let telemetry = Telemetry()
        let router = DaemonRouter.make(logger: logger, telemetry: telemetry) {
            let service = CredentialMiddleware<TrancheContext>(secrets: [configuration.serviceSecret])
            InternalRoutes(center: center).add(to: $0.group("/internal/v1").add(middleware: service))
            let admin = CredentialMiddleware<TrancheContext>(secrets: [configuration.adminSecret])
            AdminRoutes(center: center).add(to: $0.group("/v1").add(middleware: admin))
        }
        var http = HTTP1Channel.Configuration(idleTimeout: .seconds(60))
        http.httpDecoder = .init(maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64)
        let application = Application(
            router: router, server: .http1(configuration: http),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(10_000)),
            logger: logger)
        let version = await book.push.version
        logger.info("starting", metadata: ["epoch": "\(keeper.epoch.rawValue)", "config": "\(version)"])
        let stopping = ShutdownHook { await book.stop() }  // Long polls would hold the shutdown up.
        try await Daemon.run([application, WarmUp(center: center, telemetry: telemetry), stopping], logger: logger)
        keeper.stop()
        curl.stop()
    }
}

/// Goes on granting the plans of warming sales, as units come up.
struct WarmUp: Service {
    static let everyMilliseconds = 250
    let center: Center
    let telemetry: Telemetry

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.center.grantPlans()
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
        self.telemetry.set("tranche_epoch", "Epoch of this center.", to: Double(state.epoch.rawValue))
    }
}
