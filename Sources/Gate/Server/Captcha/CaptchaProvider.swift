import CurlClient
import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The calls to the shop's captcha provider. While it is away, buyers get the gate's own question.
final class CaptchaProvider: Sendable {
    /// A verdict has some hundred bytes.
    static let answerBytes = 16 << 10

    private struct State {
        var breaker = Breaker()
        var underway = 0
    }

    let settings: CaptchaSettings
    /// A client of its own: the one for calls between processes may trust the installation's authority alone.
    private let curl: CurlClient
    private let logger: Logger
    private let state = NIOLockedValueBox(State())

    init(_ settings: CaptchaSettings, logger: Logger) {
        (self.settings, self.curl, self.logger) = (settings, CurlClient(), logger)
    }

    func stop() { self.curl.stop() }

    /// What the page must show; `nil` while the provider is away.
    func widget(now: Instant) -> SealedChallenge.Widget? {
        self.state.withLockedValue { $0.breaker.pauseLeftMilliseconds(now: now) == 0 } ? self.settings.widget : nil
    }

    /// Asks whether an answer is good.
    func judge(_ response: String) async -> CaptchaVerdict {
        let refusal = self.state.withLockedValue { state -> String? in
            guard state.underway < self.settings.calls else {
                return "\(self.settings.calls) calls to the captcha provider are under way"
            }
            guard state.breaker.permits(now: SystemClock.monotonic()) else {
                return "the captcha provider did not answer a moment ago"
            }
            state.underway += 1
            return nil
        }
        if let refusal { return .away(refusal) }
        let verdict = await self.call(response)
        let isNew = self.state.withLockedValue { state in
            state.underway -= 1
            let wasOpen = state.breaker.pauseLeftMilliseconds(now: SystemClock.monotonic()) > 0
            guard case .away = verdict else {
                state.breaker.succeeded()
                return false
            }
            state.breaker.failed(now: SystemClock.monotonic())
            return !wasOpen
        }
        if isNew, case .away(let reason) = verdict {
            self.logger.error("buyers get the gate's own question: \(reason)")
        }
        return verdict
    }

    private func call(_ response: String) async -> CaptchaVerdict {
        let request = CurlRequest(
            "POST", self.settings.verify, headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: CaptchaVerdict.question(secret: self.settings.secret.shown, response: response),
            timeoutMilliseconds: self.settings.timeoutMilliseconds, bodyLimitBytes: Self.answerBytes)
        do {
            let answer = try await self.curl.send(request)
            return CaptchaVerdict.read(status: answer.status, answer.body)
        } catch { return .away("the captcha provider: \(error)") }
    }
}

extension Gatehouse {
    enum ProviderOutcome {
        case passed(SealedAnswer)
        case refused(Problem, next: OfferedChallenge)
    }

    /// Makes an answer for the token of a provider's yes. If the provider is away, the refusal carries a picture.
    func pass(_ body: ProviderBody, _ asker: Asker, lot: LotID) async throws(Problem) -> ProviderOutcome {
        let now = SystemClock.now()
        guard (1...ProviderBody.responseLimit).contains(body.response.utf8.count) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "the provider's response has \(body.response.utf8.count) bytes, not "
                    + "\(1...ProviderBody.responseLimit)")
        }
        let answer: SealedAnswer
        do throws(ChallengeError) {
            answer = try self.sealed.pass(body.challenge, session: asker.session.id, lot: lot, now: now)
        } catch {
            throw self.forgery(Problem(error), asker, lot: lot)
        }
        let refusal = self.machine.withLockedValue { machine -> GateRefusal?? in
            machine.judgeProviderAnswer(
                asker.caller, lot, keys: asker.keys, now: now, steady: SystemClock.monotonic(),
                draw: UInt64.random(in: 0...UInt64.max))
        }
        guard let refusal else { throw self.unknownLot(lot) }
        if let refusal { throw self.refused(refusal) }
        let terms = self.setting.withLockedValue { $0.sales[lot]?.gateTerms } ?? GateTerms(nil)
        switch await self.provider?.judge(body.response) ?? .away("no provider is set") {
        case .yes: return .passed(answer)
        case .no:
            let next = self.challenge(.question, terms, session: asker.session.id, lot: lot, level: 0, now: now)
            return .refused(self.refused(.challengeFailed), next: next)
        case .away:
            self.count("captcha_away")
            let picture = self.picture(session: asker.session.id, lot: lot, level: 0, now: SystemClock.now())
            return .refused(self.refused(.challengeRequired), next: .sealed(picture))
        }
    }
}
