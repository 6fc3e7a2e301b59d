import CurlClient
import DaemonSupport
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The gate's calls to units, with a breaker for each of them: a unit that is gone costs some calls a timeout, and not every
/// buyer.
final class UnitCalls: Sendable {
    static let timeoutMilliseconds = 2_000

    private let curl: CurlClient
    private let telemetry: Telemetry
    /// By public address; only addresses of the configuration come here.
    private let breakers = NIOLockedValueBox<[String: Breaker]>([:])

    init(curl: CurlClient, telemetry: Telemetry) { (self.curl, self.telemetry) = (curl, telemetry) }

    /// Sends a request, unless the unit has not answered several times.
    ///
    /// - Parameter unit: The unit's public address.
    /// - Returns: The answer, whatever its status; or ``GateRefusal/recovering(retryAfterMilliseconds:)``.
    func send(_ request: CurlRequest, to unit: String) async -> Result<CurlResponse, GateRefusal> {
        let now = SystemClock.monotonic()
        guard self.breakers.withLockedValue({ $0[unit, default: Breaker()].permits(now: now) }) else {
            return .failure(self.refusal(of: unit))
        }
        do throws(CurlError) {
            let response = try await self.curl.send(request)
            // A proxy before the unit answers like this when the unit does not.
            self.report(unit, hasFailed: response.status == 502 || response.status == 504)
            return .success(response)
        } catch {
            switch error {
            case .transport: self.report(unit, hasFailed: true)
            // Nothing about the unit: the call did not go out, or was answered.
            case .setup, .overloaded, .stopped, .bodyTooLarge, .addressRefused: break
            }
            return .failure(self.refusal(of: unit))
        }
    }

    /// The problem of an answer. Its status is the answer's: a number in a document may be no status at all.
    static func problem(_ response: CurlResponse) -> Problem {
        guard (400...599).contains(response.status), let problem = try? JSON.decode(Problem.self, from: response.body),
            problem.status == response.status
        else {
            return Problem(
                status: 502, code: "bad_answer", detail: "the unit answered with status \(response.status)",
                retryAfter: 1)
        }
        return problem
    }

    private func report(_ unit: String, hasFailed: Bool) {
        let now = SystemClock.monotonic()
        let isOpen = self.breakers.withLockedValue { breakers in
            if hasFailed {
                breakers[unit, default: Breaker()].failed(now: now)
            } else {
                breakers[unit, default: Breaker()].succeeded()
            }
            return breakers[unit]?.isClosed == false
        }
        self.telemetry.set(
            "tranche_gate_unit_away", "1 for a unit that does not answer this gate, and is asked now and then only.",
            labels: "unit=\"\(unit)\"", to: isOpen ? 1 : 0)
    }

    private func refusal(of unit: String) -> GateRefusal {
        let now = SystemClock.monotonic()
        let draw = UInt64.random(in: 0...UInt64.max)
        let pause = self.breakers.withLockedValue {
            $0[unit, default: Breaker()].retryAfterMilliseconds(now: now, draw: draw)
        }
        return .recovering(retryAfterMilliseconds: pause)
    }
}
