import CurlClient
import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The gate's calls to the config center: the configuration, by a long poll, and reports, whose answers move the lines.
///
/// A gate without the center goes on with what it heard last: thresholds, rules and stock bands.
final class CenterLink: Sendable {
    static let longPollSeconds = 20
    static let pauseMilliseconds = 500
    static let reportMilliseconds = 200
    static let timeoutMilliseconds = 1_000

    private let house: Gatehouse
    private let center: CenterCaller
    private let start = UInt64.random(in: 0...UInt64.max)
    private let logger: Logger
    private let heardAt = NIOLockedValueBox<Instant?>(nil)

    init(_ house: Gatehouse, curl: CurlClient, logger: Logger) {
        self.house = house
        self.center = CenterCaller(house.configuration.centers, curl: curl)
        self.logger = logger
    }

    /// Why the gate cannot serve buyers; `nil` if it can.
    var reasonNotReady: String? {
        if self.house.setting.withLockedValue({ $0.version }) == 0 {
            return "no configuration has come from the center yet"
        }
        return self.heardAt.withLockedValue { $0 } == nil ? "the center has not answered yet" : nil
    }

    private var headers: [String: String] {
        [
            "Authorization": "Bearer \(self.house.configuration.gateSecret.shown)",
            "Content-Type": "application/json",
        ]
    }

    /// Pulls configuration until shutdown.
    func pull() async {
        while !Task.isCancelled {
            let version = self.house.setting.withLockedValue { $0.version }
            let request = CurlRequest(
                "GET", "/internal/v1/gates/config?after=\(version)&wait=\(Self.longPollSeconds)", headers: self.headers,
                body: nil, timeoutMilliseconds: (Self.longPollSeconds + 5) * 1_000)
            do {
                let response = try await self.center.send(request)
                if response.status == 204 { continue }
                if response.status == 503 {  // No center leads at the moment: one will, in a few seconds.
                    try await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
                    continue
                }
                guard response.status == 200 else { throw self.refusal(response) }
                let push = try JSON.decode(ConfigPush.self, from: response.body)
                self.house.apply(push, try push.validated())
                self.logger.info("configuration applied", metadata: ["version": "\(push.version)"])
                continue
            } catch let problem as Problem {
                self.logger.error("no configuration: \(problem.detail)")
            } catch {}
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
    }

    /// Reports until shutdown.
    func report() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Self.reportMilliseconds))
            let request = CurlRequest(
                "POST", "/internal/v1/gates/report", headers: self.headers, body: JSON.encode(self.nextReport()),
                timeoutMilliseconds: Self.timeoutMilliseconds)
            guard let response = try? await self.center.send(request) else { continue }
            guard response.status == 200, let directives = try? JSON.decode(GateDirectives.self, from: response.body)
            else {
                if response.status != 503 { self.logger.error("no directives: \(self.refusal(response).detail)") }
                continue
            }
            self.house.hear(directives)
            self.heardAt.withLockedValue { $0 = SystemClock.monotonic() }
        }
    }

    private func nextReport() -> GateReport {
        let configuration = self.house.configuration
        let lots = self.house.machine.withLockedValue { machine in
            machine.complete(until: SystemClock.now())
            return machine.lots.values.filter(\.policy.needsEntry).map { lot in
                GateReport.Lot(
                    lot.id, machine.entries[lot.id] ?? ArrivalCounts(), minted: machine.minted[lot.id] ?? 0,
                    threshold: lot.threshold)
            }
        }
        return GateReport(
            gate: configuration.name, start: self.start, region: configuration.region,
            publicURL: configuration.publicURL, version: self.house.setting.withLockedValue { $0.version }, lots: lots,
            figures: self.house.meters.figures)
    }

    private func refusal(_ response: CurlResponse) -> Problem {
        (try? JSON.decode(Problem.self, from: response.body))
            ?? Problem(status: 502, code: "bad_answer", detail: "the center answered with status \(response.status)")
    }
}
