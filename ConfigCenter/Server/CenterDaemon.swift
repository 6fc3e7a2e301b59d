import CurlClient
package import DaemonSupport
import Edge
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import PostgresClient
import ServiceLifecycle
import Storage
import TrancheAPI
import TrancheCore

/// The settings of the config center's process.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `center.host`, `center.port` | where units, coordinators and operators connect | 127.0.0.1, required |
/// | `data.folder` | authority log, configuration, audit trail | required without `authority.postgres` |
/// | `authority.postgres` | a connection string of libpq, without a password: log, configuration and audit trail are there, and other centers with the same one stand by | none |
/// | `authority.unreplicated` | `true`: no standby of PostgreSQL has to confirm, for a trial on one machine | `false` |
/// | `operators.file` | the operators, beside `admin`: a name, a role and the digest of a credential on each line (`tranche operator`); a missing file is an empty list | none: every operator's certificate is an admin's |
/// | `operators.approval` | `true`: closing and settling a sale, settling quota, and more than a tenth of stock wait for a second person (`tranche approval`); needs `operators.file` | `false` |
/// | `operators.login.issuer` | the shop's OpenID provider, by which people sign in to the console; needs the next three and `TRANCHE_LOGIN_SECRET` (docs/console.md) | none |
/// | `operators.login.client`, `operators.login.redirect`, `operators.login.people` | this center's name at the provider; the console's address with `/console/login/callback`; the list of people | none |
/// | `operators.login.scopes` | what the provider is asked for | `openid email` |
/// | `center.url` | the address of this center that others are told; one of the list that they have | from host and port |
///
/// Secrets, each a list with the newest first: `TRANCHE_UNITS_KEY`, from which the secrets of units are derived,
/// `TRANCHE_COORDINATOR_SECRET` of coordinators, `TRANCHE_GATE_SECRET` of gates and `TRANCHE_ADMIN_SECRET` of operators. The password for `authority.postgres` is
/// `TRANCHE_AUTHORITY_PASSWORD`, or in the file that `PGPASSFILE` names. How internal connections are kept secret: ``TransportConfiguration``.
struct CenterConfiguration {
    let host: String
    let port: Int
    /// The address that others are told.
    let url: String
    /// Where centers keep their state together; `nil`: in a file of `folder`, and there is one center.
    let shared: AuthoritySettings?
    let folder: String
    let unitsKeys: LiveSecret
    let coordinatorSecrets: LiveSecret
    let gateSecrets: LiveSecret
    let adminSecrets: LiveSecret
    /// Operators with names and roles.
    let operators: OperatorRegister
    /// How people sign in to the console with a provider; `nil`: they do not.
    let login: LoginSettings?
    /// Whether some acts need a second person.
    let hasApprovals: Bool
    let transport: TransportConfiguration

    init(_ values: DaemonConfiguration) throws(StartError) {
        self.host = values.string("center.host", default: "127.0.0.1")
        self.port = try values.number("center.port", in: 1...65_535)
        let transport = try TransportConfiguration(values, role: .center)
        self.shared = try Self.shared(values, transport)
        self.folder = self.shared == nil ? try values.string("data.folder") : ""
        self.transport = transport
        self.unitsKeys = try transport.secrets(values, "tranche.units.key")
        self.coordinatorSecrets = try transport.secrets(values, "tranche.coordinator.secret")
        self.gateSecrets = try transport.secrets(values, "tranche.gate.secret")
        self.adminSecrets = try transport.secrets(values, "tranche.admin.secret")
        let list = values.string("operators.file", default: "")
        self.operators = try OperatorRegister(path: list)
        self.login = try LoginSettings(values)
        self.hasApprovals = try values.flag("operators.approval")
        guard !self.hasApprovals || !list.isEmpty else {
            throw StartError(
                "operators.approval is true, but operators.file is not set: a second person needs a name "
                    + "(tranche operator add)")
        }
        self.url = values.string("center.url", default: "\(self.transport.scheme)://\(self.host):\(self.port)")
        try self.transport.check("center.host", host: self.host)
        try self.transport.check("center.url", url: self.url)
    }

    private static func shared(
        _ values: DaemonConfiguration, _ transport: TransportConfiguration
    ) throws(StartError) -> AuthoritySettings? {
        let text = values.string("authority.postgres", default: "")
        guard !text.isEmpty else { return nil }
        let target: PostgresTarget
        do throws(PostgresError) {
            target = try PostgresTarget(text, password: values.optionalSecret("tranche.authority.password"))
        } catch { throw StartError("authority.postgres: \(error)") }
        guard !target.hasPassword else {
            throw StartError(
                "authority.postgres contains a password: put it into TRANCHE_AUTHORITY_PASSWORD, or into the file that "
                    + "PGPASSFILE names")
        }
        let isEncrypted = transport.isElsewhere || ["verify-ca", "verify-full"].contains(target.encryption)
        for host in target.hosts where !isEncrypted && !host.hasPrefix("/") && !TransportConfiguration.isLoopback(host)
        {
            throw StartError(
                "authority.postgres names \(host), which is reached in the clear, or without knowing it: add "
                    + "sslmode=verify-full, or set tls.elsewhere: true if a VPN or a mesh encrypts it")
        }
        return AuthoritySettings(
            target: target, allowsUnreplicated: try values.flag("authority.unreplicated"),
            permission: "authority.unreplicated")
    }
}

/// The config center's process, put together.
package enum CenterDaemon {
    package static func run(_ values: DaemonConfiguration) async throws {
        let configuration = try CenterConfiguration(values)
        let logger = Daemon.logger("tranche-config-center")
        let lock = configuration.shared == nil ? try FolderLock(folder: configuration.folder) : nil
        defer { withExtendedLifetime(lock) {} }
        try PortCheck.check("center.port", host: configuration.host, port: configuration.port)
        let (seat, telemetry) = (CenterSeat(), Telemetry())
        let curl = CurlClient(tls: configuration.transport.client)
        let pusher = Pusher(curl: curl, unitsKeys: configuration.unitsKeys, logger: logger)
        let meters = KeeperMeters(telemetry)
        let make: @Sendable (AuthorityKeeper) throws -> Center = { keeper in
            keeper.meters.withLockedValue { $0 = meters }
            return Center(
                keeper: keeper, book: try ConfigBook(keeper: keeper), approvals: try ApprovalDesk(keeper: keeper),
                pusher: pusher)
        }
        let lead: any Service
        if let shared = configuration.shared {
            logger.info("starting: other centers may stand by", metadata: ["store": "\(shared.target)"])
            lead = LeaseLoop(
                store: PostgresAuthority(shared), seat: seat, address: configuration.url, logger: logger, make: make)
        } else {
            let keeper = try AuthorityKeeper(
                store: try AuthorityStore(path: configuration.folder + "/authority.sqlite"), logger: logger)
            let center = try make(keeper)
            let version = await center.book.push.version
            logger.info("starting", metadata: ["epoch": "\(keeper.epoch.rawValue)", "config": "\(version)"])
            logger.info(
                "one center, and no standby: set authority.postgres if the loss of this machine must not stop grants")
            seat.lead(center)
            lead = ShutdownHook { await center.book.stop() }  // Long polls would delay the shutdown.
        }
        let feed = ConsoleFeed(seat: seat, telemetry: telemetry)
        // Of the shop's provider: no certificate of this installation is shown there, or asked for.
        let shop = CurlClient()
        let logins = configuration.login.map { LoginDesk($0, curl: shop) }
        let application = EdgeServer.application(
            router: Self.router(configuration, seat, feed, logins, telemetry, logger),
            host: configuration.host, port: configuration.port,
            limits: EdgeLimits(
                connections: 10_000, connectionsPerAddress: 5_000, bodyBytes: InternalRoutes.contestBytesLimit),
            tls: configuration.transport.server, logger: logger)
        let watch = configuration.transport.watch(telemetry, logger)
        let notice = ServiceNotice(logger: logger) {
            PortCheck.answers(host: configuration.host, port: configuration.port)
        }
        let vitals = Vitals("tranche-config-center", telemetry: telemetry)
        let logging: [any Service] = logins.map { [$0.watch(telemetry, logger)] } ?? []
        try await Daemon.run(
            [
                notice, vitals, watch, values.secretWatch(telemetry, logger),
                configuration.operators.watch(telemetry, logger), application,
                WarmUp(seat: seat, telemetry: telemetry), ScheduleLoop(seat: seat, telemetry: telemetry),
                RuleLoop(seat: seat, telemetry: telemetry), feed, lead,
            ] + logging, logger: logger)
        (try? seat.center)?.keeper.stop()
        curl.stop()
        shop.stop()
    }

    private static func router(
        _ configuration: CenterConfiguration, _ seat: CenterSeat, _ feed: ConsoleFeed, _ logins: LoginDesk?,
        _ telemetry: Telemetry, _ logger: Logger
    ) -> Router<TrancheContext> {
        let notReady: @Sendable () -> String? = { seat.trouble.withLockedValue { $0 } }
        let names = UnitNameCheck(seat: seat)
        return DaemonRouter.make(for: .inner, logger: logger, telemetry: telemetry, notReady: notReady) {
            let routes = InternalRoutes(seat: seat)
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
            let refusals = RefusalLog(seat: seat, telemetry: telemetry)
            let group = $0.group("/v1").add(
                middleware: OperatorMiddleware(
                    admins: configuration.adminSecrets, register: configuration.operators, logins: logins,
                    refusals: refusals))
            // Before the routes: a group's routes have the middleware that was there when they came.
            group.add(middleware: OwnPageMiddleware())
            let approvals = ApprovalRoutes(
                seat: seat, refusals: refusals, register: configuration.operators, logins: logins,
                isOn: configuration.hasApprovals)
            AdminRoutes(seat: seat, refusals: refusals, approvals: approvals).add(to: group)
            let console = ConsoleRoutes(feed: feed, hasLogins: logins != nil)
            console.addEvents(to: group)
            console.addFiles(to: $0)
            if let logins { LoginRoutes(desk: logins, seat: seat, refusals: refusals).add(to: $0) }
        }
    }
}

/// Grants the plans of warming sales while units register.
struct WarmUp: Service {
    static let everyMilliseconds = 250
    let seat: CenterSeat
    let telemetry: Telemetry

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let center = try? self.seat.center
                self.telemetry.set("tranche_center_leads", "1 while this center leads.", to: center == nil ? 0 : 1)
                if let center {
                    center.keeper.checkPresence()
                    await center.grantPlans()
                    await center.moveLines()
                }
                await self.measure(center)
                try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            }
        }
    }

    private func measure(_ center: Center?) async {
        let figures = CenterFigures(telemetry: self.telemetry)
        guard let center, let state = try? await center.quota() else {
            return figures.setGauges(nil, SaleConfig(), version: 0, alarms: center?.keeper.alarms.count ?? 0)
        }
        let (config, version, _) = await center.book.state
        figures.setGauges(
            state, config, version: version, alarms: center.keeper.alarms.count,
            claimed: center.claimed(now: SystemClock.monotonic()))
    }
}
