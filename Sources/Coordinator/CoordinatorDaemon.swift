import CurlClient
package import DaemonSupport
import Hummingbird
import Logging
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The coordinator's process: watches demand, and moves quota to where it is asked for.
///
/// It owns no state that matters: estimates only. Its epoch fences it: when a newer coordinator has taken the lead, its
/// commands are refused, and it stands by.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `coordinator.host`, `coordinator.port` | health and metrics | 127.0.0.1, required |
/// | `center.url` | the config center | required |
/// | `coordinator.tick` | milliseconds between two rounds | 100 |
package enum CoordinatorDaemon {
    package static func run(_ values: DaemonConfiguration) async throws {
        let host = values.string("coordinator.host", default: "127.0.0.1")
        let port = try values.number("coordinator.port", in: 1...65_535)
        let center = try values.string("center.url")
        let tick = try values.number("coordinator.tick", in: 10...10_000, default: 100)
        let secret = try values.secret("tranche.service.secret")
        try PortCheck.check("coordinator.port", host: host, port: port)
        let logger = Daemon.logger("tranche-coordinator")
        let telemetry = Telemetry()
        let curl = CurlClient()
        let router = Router(context: TrancheContext.self)
        router.add(middleware: ProblemMiddleware(logger: logger))
        router.addHealth(telemetry: telemetry) { nil }
        let application = Application(
            router: router, configuration: .init(address: .hostname(host, port: port)), logger: logger)
        let lead = Lead(
            curl: curl, base: "\(center)/internal/v1", secret: secret, tickMilliseconds: tick, telemetry: telemetry,
            logger: logger)
        try await Daemon.run([application, lead], logger: logger)
        curl.stop()
    }
}

/// The rounds: read the quota, decide, command.
struct Lead: Service {
    /// A coordinator that was deposed waits this long before it takes the lead again.
    static let standbySeconds = 5

    let curl: CurlClient
    let base: String
    let secret: String
    let tickMilliseconds: Int
    let telemetry: Telemetry
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await self.lead() } catch let problem as Problem where problem.code == "stale_epoch" {
                    self.logger.warning("a newer coordinator leads; standing by")
                    try? await Task.sleep(for: .seconds(Self.standbySeconds))
                } catch {
                    self.logger.debug("no round", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .milliseconds(5 * self.tickMilliseconds))
                }
            }
        }
    }

    /// Takes the lead, and keeps it until a command is refused or the center is away.
    private func lead() async throws {
        let epoch = try JSON.decode(Leadership.self, from: try await self.call("POST", "/coordinators/lead", [])).epoch
        self.logger.info("leading", metadata: ["epoch": "\(epoch.rawValue)"])
        self.telemetry.set("tranche_coordinator_epoch", "Epoch of this coordinator.", to: Double(epoch.rawValue))
        var rebalancer = Rebalancer()
        while !Task.isCancelled {
            let state = try JSON.decode(QuotaState.self, from: try await self.call("GET", "/quota", nil))
            guard state.coordinatorEpoch == epoch else {
                throw Problem(AuthorityError.staleEpoch(epoch, current: state.coordinatorEpoch))
            }
            let decisions = state.lots.filter { !$0.isFrozen }.flatMap { lot in
                // The center's clock: the one by which it heard the units.
                rebalancer.decide(lot.lot, pool: lot.pool, samples: lot.samples, now: state.nowMicroseconds)
            }
            if !decisions.isEmpty {
                let commands = JSON.encode(QuotaCommands(epoch: epoch, decisions: decisions))
                _ = try await self.call("POST", "/quota/commands", commands)
                self.telemetry.count("tranche_decisions_total", "Grants and reclaims decided.", by: decisions.count)
            }
            try await Task.sleep(for: .milliseconds(self.tickMilliseconds))
        }
    }

    private func call(_ method: String, _ path: String, _ body: [UInt8]?) async throws -> [UInt8] {
        let headers = ["Authorization": "Bearer \(self.secret)", "Content-Type": "application/json"]
        let response = try await self.curl.send(
            CurlRequest(method, self.base + path, headers: headers, body: body, timeoutMilliseconds: 2_000))
        guard (200..<300).contains(response.status) else { throw try JSON.decode(Problem.self, from: response.body) }
        return response.body
    }
}
