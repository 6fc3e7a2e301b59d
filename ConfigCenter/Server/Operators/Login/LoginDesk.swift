import CurlClient
import DaemonSupport
import HTTPTypes
import Hummingbird
import Identity
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// The logins with the provider, and the sessions of those who have signed in.
final class LoginDesk: Sendable {
    let settings: LoginSettings
    let provider: LoginProvider
    let seal = LoginSeal()
    private let sessions = NIOLockedValueBox(LoginSessions())

    init(_ settings: LoginSettings, curl: CurlClient) {
        (self.settings, self.provider) = (settings, LoginProvider(settings, curl: curl))
    }

    var sessionCookie: LoginCookie { .session(isSecure: self.settings.isSecure) }
    var attemptCookie: LoginCookie { .attempt(isSecure: self.settings.isSecure) }

    private var list: LoginList { self.settings.people.current ?? LoginList() }

    /// Who a person is by the list of this moment.
    func person(_ claims: LoginClaims) throws(Problem) -> Operator {
        do throws(LoginRefusal) { return try self.list.person(claims) } catch {
            throw Problem(status: 403, code: "unknown_operator", detail: "\(error)")
        }
    }

    /// Begins a session.
    ///
    /// - Returns: What the browser shows from now on.
    func begin(_ claims: LoginClaims, as person: Operator) throws(Problem) -> String {
        var generator = SystemRandomNumberGenerator()
        let text = OperatorCredential.random(using: &generator)
        let digest = OperatorCredential.digest(of: text.utf8)
        let hasRoom = self.sessions.withLockedValue {
            $0.begin(digest, claims, name: person.name, now: SystemClock.monotonic())
        }
        guard hasRoom else {
            throw Problem(
                status: 503, code: "too_many_sessions",
                detail: "\(LoginSessions.limit) sessions are open: sign out somewhere", retryAfter: 60)
        }
        return text
    }

    /// Whoever has the session of a request's cookie; `nil` without one.
    ///
    /// - Throws: ``Problem`` with code `unknown_operator` for somebody who is not in the list any more.
    func caller(_ request: Request) throws(Problem) -> Operator? {
        guard let digest = self.digest(request) else { return nil }
        let claims = self.sessions.withLockedValue { $0.claims(digest, now: SystemClock.monotonic()) }
        guard let claims else { return nil }
        return try self.person(claims)
    }

    /// Whoever has signed in under a name, and may still.
    func entry(named name: String) -> Operator? {
        let claims = self.sessions.withLockedValue { $0.claims(named: name, now: SystemClock.monotonic()) }
        let person = claims.flatMap { try? self.list.person($0) }
        return person?.name == name ? person : nil
    }

    func end(_ request: Request) {
        guard let digest = self.digest(request) else { return }
        self.sessions.withLockedValue { $0.end(digest) }
    }

    private func digest(_ request: Request) -> String? {
        request.cookie(self.sessionCookie.name).map { OperatorCredential.digest(of: $0.utf8) }
    }

    func watch(_ telemetry: Telemetry, _ logger: Logger) -> LoginWatch {
        LoginWatch(people: self.settings.people, telemetry: telemetry, logger: logger)
    }
}

/// Reads the list of people again when its file changes.
struct LoginWatch: Service {
    let people: LiveFile<LoginList>
    let telemetry: Telemetry
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                switch self.people.look() {
                case .unchanged: break
                case .replaced(let list):
                    self.logger.info("new list of people", metadata: ["people": "\(list.people.count)"])
                case .refused(let reason):
                    self.logger.warning(
                        "the new list of people is not used; the old one stays", metadata: ["reason": "\(reason)"])
                }
                self.telemetry.set(
                    "tranche_logins_refused",
                    "1 while the list of people on disk cannot be used, and an older one is.",
                    to: self.people.refusal == nil ? 0 : 1)
                try? await Task.sleep(for: .milliseconds(OperatorWatch.everyMilliseconds))
            }
        }
    }
}

extension Request {
    /// The value of a cookie (RFC 6265, section 4.2).
    func cookie(_ name: String) -> String? {
        for field in self.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if parts.count == 2, parts[0] == name { return String(parts[1]) }
            }
        }
        return nil
    }
}
