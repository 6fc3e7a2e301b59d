import CurlClient
import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The unit's calls to the leading coordinator. Their round trips also check the unit's clock.
final class ContestLink: CoordinatorCalls, Sendable {
    static let callTimeoutMilliseconds = 800
    /// Calls to one leader that may be under way. The link answers a report beyond it with "not taken", so that it is
    /// sent again.
    static let callsLimit = 128

    private struct State {
        var check: ClockCheck
        var kernelAskedAt = Instant.distantPast
        /// Calls to the leader of `epoch`. Those to an earlier one, which may hang, do not count.
        var underway = 0
        var epoch = Epoch(0)
        /// The last answer of that leader.
        var echo: ContestReport.Echo?
        var lastState = ClockCheck.State.degraded
    }
    private let curl: CurlClient
    private let secret: LiveSecret
    private let routes: [String: String]
    private let intake: Intake
    private let telemetry: Telemetry
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    init(_ configuration: UnitConfiguration, curl: CurlClient, intake: Intake, telemetry: Telemetry, logger: Logger) {
        self.curl = curl
        self.secret = configuration.contestSecret
        self.routes = configuration.routes
        self.intake = intake
        self.telemetry = telemetry
        self.logger = logger
        self.state = NIOLockedValueBox(State(check: ClockCheck(settings: configuration.clock)))
        self.observeKernel()
        if self.clock.state != .synced {
            logger.warning(
                "the kernel reports its clock as not synchronised: the configured uncertainty of stamps applies",
                metadata: ["microseconds": "\(self.clock.uncertaintyMicroseconds)"])
        }
    }

    var clock: ClockDocument {
        let fences = self.intake.refusedFences
        return self.state.withLockedValue { ClockDocument($0.check, refusedFences: fences) }
    }

    /// Asks the kernel, once a second at most, and looks for steps of the wall clock.
    func observeKernel() {
        let (wall, monotonic) = (SystemClock.now(), SystemClock.monotonic())
        let (check, changed) = self.state.withLockedValue { state -> (ClockCheck, ClockCheck.State?) in
            guard monotonic.milliseconds(since: state.kernelAskedAt) >= 1_000 else { return (state.check, nil) }
            state.kernelAskedAt = monotonic
            state.check.observe(kernel: SystemClock.kernel(), wall: wall, monotonic: monotonic)
            let now = state.check.state
            defer { state.lastState = now }
            return (state.check, now == state.lastState ? nil : now)
        }
        self.intake.setUncertainty(microseconds: check.uncertaintyMicroseconds)
        if let changed { self.logger.notice("the clock is now \(changed.rawValue)") }
        for one in [ClockCheck.State.synced, .degraded, .untrusted] {
            self.telemetry.set(
                "tranche_clock_state", "1 for the state that the clock is in.", labels: "state=\"\(one.rawValue)\"",
                to: check.state == one ? 1 : 0)
        }
        self.telemetry.set(
            "tranche_clock_uncertainty_seconds", "How far stamps may be wrong.",
            to: Double(check.uncertaintyMicroseconds) / 1e6)
    }

    func report(_ report: ContestReport, to coordinator: CoordinatorAddress) {
        self.observeKernel()
        let (isTrusted, hasRoom) = self.state.withLockedValue { state -> (Bool, Bool) in
            if state.epoch != coordinator.epoch {
                (state.epoch, state.underway, state.echo) = (coordinator.epoch, 0, nil)
            }
            let hasRoom = state.underway < Self.callsLimit
            if hasRoom { state.underway += 1 }
            return (state.check.state != .untrusted, hasRoom)
        }
        guard hasRoom else { return self.sayLost(report) }
        var told = report
        told.isTrusted = isTrusted
        told.echo = self.state.withLockedValue { $0.echo }
        told.sentAt = SystemClock.now()
        let base = self.routes[coordinator.url] ?? coordinator.url
        let body = ContestWire.encode(told)
        self.telemetry.count("tranche_contest_bytes_total", "Bytes sent to the coordinator.", by: body.count)
        self.telemetry.count(
            "tranche_contest_candidates_total", "Candidates sent to the coordinator, repetitions included.",
            by: report.lots.reduce(0) { $0 + $1.candidates.count })
        let headers = [
            "Authorization": "Bearer \(self.secret.shown)", "Content-Type": ContestWire.contentType,
        ]
        let sentAt = SystemClock.now()
        self.curl.start(
            CurlRequest(
                "POST", "\(base)/internal/v1/units/\(report.unit)/contest", headers: headers, body: body,
                timeoutMilliseconds: Self.callTimeoutMilliseconds)
        ) { result in
            let heardAt = SystemClock.now()
            self.state.withLockedValue { if $0.epoch == report.epoch { $0.underway -= 1 } }
            guard case .success(let response) = result, response.status == 200,
                let envelope = try? ContestWire.reply(response.body)
            else { return self.sayLost(report) }
            let trip = ClockCheck.RoundTrip(
                sent: sentAt, received: envelope.receivedAt, answered: envelope.sentAt, heard: heardAt)
            let isBelieved = self.state.withLockedValue { state in
                state.check.observe(trip)
                if state.epoch == report.epoch {
                    state.echo = ContestReport.Echo(sentAt: envelope.sentAt, heardAt: heardAt)
                }
                return state.check.state != .untrusted
            }
            if isBelieved { self.intake.confirmClock() }
            self.intake.post(.contestReply(envelope.reply))
        }
    }

    /// The machine counts the report as sent. It must be sent again at once, or its requests become late.
    private func sayLost(_ report: ContestReport) {
        let lots = report.lots.map { ContestReply.notTaken($0.lot) }
        self.intake.post(.contestReply(ContestReply(epoch: report.epoch, generation: report.generation, lots: lots)))
    }
}
