import CurlClient
package import DaemonSupport
import Edge
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import TrancheAPI
import TrancheCore

/// The coordinator's process: it watches demand, moves quota to units that run low, and leads the contests.
///
/// It has no durable state: its decisions are records in the authority log. Any number of coordinators may run. One
/// leads, by epoch: when a newer one has the lead, the center refuses the old one's commands, and it goes on standby.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `coordinator.host`, `coordinator.port` | health and metrics | 127.0.0.1, required |
/// | `center.url` | the config center; several, separated by commas, if there are more | required |
/// | `coordinator.url` | the address that units are told | from host and port |
/// | `coordinator.tick` | milliseconds between two rounds | 100 |
///
/// Secrets, each a list with the newest first: `TRANCHE_COORDINATOR_SECRET`, which the center asks for, and
/// `TRANCHE_CONTEST_KEY`, from which the secrets are derived that units show here. How internal connections are kept secret:
/// ``TransportConfiguration``.
package enum CoordinatorDaemon {
    static let reportBytesLimit = 4 << 20

    package static func run(_ values: DaemonConfiguration) async throws {
        let host = values.string("coordinator.host", default: "127.0.0.1")
        let port = try values.number("coordinator.port", in: 1...65_535)
        let tick = try values.number("coordinator.tick", in: 10...10_000, default: 100)
        let transport = try TransportConfiguration(values, role: .coordinator)
        let secret = try transport.secrets(values, "tranche.coordinator.secret")
        let contestKeys = try transport.secrets(values, "tranche.contest.key")
        let centers = try values.centers(transport)
        try transport.check("coordinator.host", host: host)
        try PortCheck.check("coordinator.port", host: host, port: port)
        let logger = Daemon.logger("tranche-coordinator")
        let url = values.string("coordinator.url", default: "\(transport.scheme)://\(host):\(port)")
        try transport.check("coordinator.url", url: url)
        let telemetry = Telemetry()
        let desk = ContestDesk(telemetry: telemetry)
        let curl = CurlClient(tls: transport.client)
        let router = DaemonRouter.make(for: .inner, logger: logger, telemetry: telemetry) {
            let unit = CredentialMiddleware<TrancheContext>(
                .unit(keys: contestKeys, .toCoordinator), for: .contests, naming: desk.naming)
            $0.group("/internal/v1/units/:unit").add(middleware: unit).post("contest") { request, context in
                let receivedAt = SystemClock.now()
                let report = try ContestWire.report(try await request.bytes(limit: Self.reportBytesLimit))
                try context.check(report.unit)
                let envelope = try await desk.report(report, receivedAt: receivedAt)
                return Response(
                    status: .ok, headers: [.contentType: ContestWire.contentType],
                    body: .init(byteBuffer: ByteBuffer(bytes: ContestWire.encode(envelope))))
            }
        }
        let application = EdgeServer.application(
            router: router, host: host, port: port,
            limits: EdgeLimits(connections: 10_000, connectionsPerAddress: 5_000, bodyBytes: Self.reportBytesLimit),
            tls: transport.server, logger: logger)
        let loop = LeaderLoop(
            center: CenterCaller(centers, curl: curl), url: url, secret: secret, tickMilliseconds: tick, desk: desk,
            telemetry: telemetry, meters: ContestMeters(telemetry), logger: logger)
        let notice = ServiceNotice(logger: logger) { PortCheck.answers(host: host, port: port) }
        let vitals = Vitals("tranche-coordinator", telemetry: telemetry) {
            telemetry.set("tranche_contests", "Contests that this coordinator leads.", to: Double(desk.lots.count))
        }
        try await Daemon.run(
            [
                notice, vitals, transport.watch(telemetry, logger), values.secretWatch(telemetry, logger), application,
                loop,
            ], logger: logger)
        curl.stop()
    }
}
