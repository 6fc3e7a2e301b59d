import DaemonSupport
import Hummingbird
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

/// Finds out who an operator is, and refuses what their role may not do.
///
/// Without TLS a caller shows a credential: the secret of admins, or their own one. Under TLS the name in the certificate is
/// who they are, and the list of operators says their role.
struct OperatorMiddleware: RouterMiddleware {
    typealias Context = TrancheContext

    let admins: LiveSecret
    let register: OperatorRegister
    /// Of the console's sessions; `nil` without a provider of logins.
    let logins: LoginDesk?
    let refusals: RefusalLog

    func handle(_ request: Request, context: TrancheContext, next: (Request, TrancheContext) async throws -> Response)
        async throws -> Response
    {
        let caller = try await self.caller(request)
        return try await Operator.$current.withValue(caller) {
            try await self.refusals.check(ActKind(method: request.method.rawValue, path: request.uri.path), request)
            return try await next(request, context)
        }
    }

    private func caller(_ request: Request) async throws(Problem) -> Operator {
        if let peer = PeerCertificate.current {
            let name = try peer.name()
            if let refusal = RouteClass.operations.judge(name, unit: nil) { throw refusal.problem }
            do throws(Problem) { return try self.register.owner(ofCertificate: name.name) } catch {
                await self.refusals.note(error, actor: name.name, of: .unlisted, request)
                throw error
            }
        }
        if let bearer = request.bearer {
            if self.admins.accepted.contains(where: { ConstantTime.isEqual($0.utf8, bearer) }) { return .admin }
            if let known = self.register.operators(showing: bearer) { return known }
        } else if let known = try self.logins?.caller(request) {
            return known
        }
        let problem = Problem(
            status: 401, code: "bad_credential",
            detail: "this address needs Authorization: Bearer with the credential of an operator")
        if let said = request.saidActor, self.register.knows(said) {
            await self.refusals.note(problem, actor: "somebody as \(said)", of: .stranger, request)
        }
        throw problem
    }
}

/// Whether a caller may do an act, for rules that know only in the middle of it how much it is.
///
/// - Throws: ``Problem`` with status 403, and the role that the act needs in its code.
typealias RoleCheck = @Sendable (ActKind) throws(Problem) -> Void

/// Refuses acts by role, and writes refused attempts into the audit trail, as far as ``RefusalAllowances`` go.
final class RefusalLog: Sendable {
    private let allowances = NIOLockedValueBox(RefusalAllowances())
    private let seat: CenterSeat
    private let telemetry: Telemetry

    init(seat: CenterSeat, telemetry: Telemetry) { (self.seat, self.telemetry) = (seat, telemetry) }

    /// - Throws: ``Problem`` with status 403, and the role that the act needs in its code.
    func check(_ kind: ActKind, _ request: Request) async throws(Problem) {
        try await self.judge(request) { (check) async throws(Problem) in try check(kind) }
    }

    /// Runs an act that asks by itself whether the caller may do it, and notes its refusal.
    func judge(
        _ request: Request, _ act: (_ check: @escaping RoleCheck) async throws(Problem) -> Void
    ) async throws(Problem) {
        let caller = Operator.current
        do throws(Problem) {
            try await act { (kind) throws(Problem) in
                guard let caller, !caller.role.may(kind) else { return }
                throw Problem(kind, refusedTo: caller)
            }
        } catch {
            if let caller, error.status == 403 {
                await self.note(error, actor: caller.name, of: .listed(caller.name), request)
            }
            throw error
        }
    }

    /// A standby counts only: it has no trail to write into.
    func note(_ problem: Problem, actor: String, of caller: RefusalAllowances.Caller, _ request: Request) async {
        self.telemetry.count(
            "tranche_operator_refusals_total", "Attempts of operators, or in their names, that were refused.",
            labels: "code=\"\(problem.code)\"")
        guard let center = try? self.seat.center else { return }
        let left = self.allowances.withLockedValue { $0.count(caller, now: SystemClock.monotonic()) }
        guard let left else { return }
        let more = left == 0 ? "" : "; \(left) more before it have no line"
        let note = AuditNote(
            at: SystemClock.now(), actor: actor, action: "refused",
            detail: "\(problem.code): \(request.method.rawValue) \(request.uri.path.prefix(200))\(more)")
        await center.keeper.note(note)
    }
}

extension Problem {
    /// The code says which role is needed.
    init(_ kind: ActKind, refusedTo caller: Operator) {
        self.init(
            status: 403, code: "needs_\(kind.least.rawValue)",
            detail:
                "this act needs the role \(kind.least.rawValue), and \(caller.name) has the role \(caller.role.rawValue)"
        )
    }
}
