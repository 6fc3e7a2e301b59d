import CurlClient
import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The unit's calls to the config center: registration, reports, and the pull of configuration.
final class CenterLink: CenterCalls, Sendable {
    static let callTimeoutMilliseconds = 1_000
    static let longPollSeconds = 25
    static let pullSeconds = 5
    static let standbyMilliseconds = 500

    private let configuration: UnitConfiguration
    private let center: CenterCaller
    private let unit: UnitID
    private let file: ConfigFile
    private let contest: ContestLink
    private let meters: UnitMeters
    private let logger: Logger
    private let deliver = NIOLockedValueBox<@Sendable (UnitMachine.Event) -> Void> { _ in }
    /// Whether the center refuses this unit's secret.
    private let secretIsRefused = NIOLockedValueBox(false)
    /// One report at a time: a slow center gets fewer, not more.
    private let reportIsUnderway = NIOLockedValueBox(false)
    /// The center cannot read reports as bytes: it has an earlier version than this unit.
    private let wantsJSON = NIOLockedValueBox(false)
    /// When the center last took a message of this unit, by a clock that never steps.
    private let heardAt = NIOLockedValueBox(SystemClock.monotonic())

    init(
        _ configuration: UnitConfiguration, curl: CurlClient, file: ConfigFile, contest: ContestLink,
        meters: UnitMeters, logger: Logger
    ) {
        self.contest = contest
        self.meters = meters
        self.configuration = configuration
        self.center = CenterCaller(configuration.centers, curl: curl)
        self.unit = configuration.unit
        self.file = file
        self.logger = logger
    }

    func onEvent(_ body: @escaping @Sendable (UnitMachine.Event) -> Void) { self.deliver.withLockedValue { $0 = body } }

    private func post(_ event: UnitMachine.Event) { self.deliver.withLockedValue { $0 }(event) }

    private func call(
        _ method: String, _ path: String, _ body: [UInt8]?, _ type: String = "application/json", timeout: Int
    ) -> CurlRequest {
        let headers = ["Authorization": "Bearer \(self.configuration.unitSecret.shown)", "Content-Type": type]
        return CurlRequest(method, "/internal/v1" + path, headers: headers, body: body, timeoutMilliseconds: timeout)
    }

    func register(_ request: RegisterRequest) {
        let envelope = RegisterEnvelope(
            request: request, name: self.configuration.name, region: self.configuration.region,
            publicURL: self.configuration.publicURL, internalURL: self.configuration.internalURL)
        let body = JSON.encode(envelope)
        self.center.start(
            self.call("POST", "/units/\(self.unit)/register", body, timeout: Self.callTimeoutMilliseconds)
        ) { result in
            guard case .success(let response) = result, response.status == 200,
                let reply = try? JSON.decode(RegisterReply.self, from: response.body), self.isSound(reply.directives)
            else {
                self.noteRefusal(result)
                return self.post(.registrationFailed)
            }
            self.noteAnswer()
            self.wantsJSON.withLockedValue { $0 = false }
            self.post(.registered(reply))
        }
    }

    func report(_ report: UnitReport, load: LoadFigures) {
        guard
            self.reportIsUnderway.withLockedValue({ isUnderway in
                defer { isUnderway = true }
                return !isUnderway
            })
        else { return }
        self.contest.observeKernel()
        // Not on the engine's thread: there can be thousands of lots in it.
        Task {
            let envelope = ReportEnvelope(
                report: report, configVersion: self.file.version, clock: self.contest.clock, load: load,
                figures: self.meters.figures)
            let isJSON = self.wantsJSON.withLockedValue { $0 }
            let call = self.call(
                "POST", "/units/\(self.unit)/report", isJSON ? JSON.encode(envelope) : QuotaWire.encode(envelope),
                isJSON ? "application/json" : QuotaWire.contentType, timeout: Self.callTimeoutMilliseconds)
            self.center.start(call) { self.follow($0) }
        }
    }

    /// Passes the center's answer to a report on.
    private func follow(_ result: Result<CurlResponse, CurlError>) {
        self.reportIsUnderway.withLockedValue { $0 = false }
        guard case .success(let response) = result, response.status == 200 else {
            if case .success(let response) = result, response.status == 400 {
                self.wantsJSON.withLockedValue { $0.toggle() }
            }
            return self.noteRefusal(result)
        }
        let reply: ReportReply
        do {
            let isBytes = response.headers["content-type"] == QuotaWire.contentType
            reply =
                isBytes
                ? try QuotaWire.reply(response.body) : try JSON.decode(ReportReply.self, from: response.body)
        } catch {
            return self.logger.error("the center's answer to a report is refused: \(error.detail)")
        }
        self.noteAnswer()
        switch reply {
        case .directives(let directives): self.post(.directives(directives))
        case .registerFirst: self.post(.registrationLost)
        case .superseded: self.post(.superseded)
        case .centerIsBehind:
            self.logger.error(
                "the center's log does not know what it granted to this unit: it was lost or set back")
        }
    }

    /// Whether the center's directives are within the limits of messages.
    private func isSound(_ directives: QuotaDirectives?) -> Bool {
        do { try directives?.checkLimits() } catch {
            self.logger.error("the center's directives are refused: \(error.detail)")
            return false
        }
        return true
    }

    /// How long the center has taken no message of this unit, in milliseconds. Only its answer shows that it did: what is sent
    /// over a link that is cut one way may arrive.
    var silentMilliseconds: Int64 { SystemClock.monotonic().milliseconds(since: self.heardAt.withLockedValue { $0 }) }

    private func noteAnswer() {
        self.secretIsRefused.withLockedValue { $0 = false }
        self.heardAt.withLockedValue { $0 = SystemClock.monotonic() }
    }

    /// The reason why this unit is not ready, if the link has one.
    var reasonNotReady: String? { self.secretIsRefused.withLockedValue { $0 } ? Self.wrongSecret : nil }

    private static let wrongSecret =
        "the center refuses this unit's secret: TRANCHE_UNIT_SECRET must be the one that `tranche credential unit` derives "
        + "for this unit's id from the center's TRANCHE_UNITS_KEY"

    /// Logs a refusal by the center. A center that does not answer is not logged: the next report tries again.
    private func noteRefusal(_ result: Result<CurlResponse, CurlError>) {
        guard case .success(let response) = result, response.status != 503 else { return }
        if response.status == 401 || response.status == 403 {
            let isNew = self.secretIsRefused.withLockedValue { isRefused in
                defer { isRefused = true }
                return !isRefused
            }
            if isNew { self.logger.critical("\(Self.wrongSecret)") }
            return
        }
        self.logger.warning("the center refuses", metadata: ["status": "\(response.status)"])
    }

    /// Pulls configuration until shutdown: a long poll, and after a failure one pull every few seconds.
    func pullConfig() async {
        while !Task.isCancelled {
            let path = "/units/\(self.unit)/config?after=\(self.file.version)&wait=\(Self.longPollSeconds)"
            let request = self.call("GET", path, nil, timeout: (Self.longPollSeconds + 5) * 1_000)
            do {
                let response = try await self.center.send(request)
                if response.status == 200 {
                    let push = try JSON.decode(ConfigPush.self, from: response.body)
                    do { try self.file.accept(push) } catch {
                        self.logger.error(
                            "configuration refused",
                            metadata: ["version": "\(push.version)", "reason": "\(error.detail)"])
                        try await Task.sleep(for: .seconds(Self.pullSeconds))
                    }
                } else if response.status == 503 {
                    // No center leads at the moment: one will, in a few seconds.
                    try await Task.sleep(for: .milliseconds(Self.standbyMilliseconds))
                } else if response.status != 204 {
                    try await Task.sleep(for: .seconds(Self.pullSeconds))
                }
            } catch {
                try? await Task.sleep(for: .seconds(Self.pullSeconds))
            }
        }
    }
}
