package import Hummingbird
package import TrancheAPI
package import TrancheCore

/// The callers that may use an address: one role, with its credential.
package enum Caller: Sendable {
    /// The unit that the address names, by its secret.
    case unit(keys: LiveSecret, UnitCredential.Purpose)
    /// A role whose callers share a secret. Each secret of the list is accepted, so that a new one can be introduced
    /// before the old one is removed.
    case role(String, secrets: LiveSecret)

    fileprivate func isGood(_ bearer: Substring.UTF8View, unit: UnitID?) -> Bool {
        switch self {
        case .unit(let keys, let purpose):
            guard let unit else { return false }
            return keys.accepted.contains {
                ConstantTime.isEqual(UnitCredential.derive(purpose, of: unit, key: $0).utf8, bearer)
            }
        case .role(_, let secrets): return secrets.accepted.contains { ConstantTime.isEqual($0.utf8, bearer) }
        }
    }

    fileprivate func name(_ unit: UnitID?) -> String {
        switch self {
        case .unit: unit.map { "unit \($0)" } ?? "a unit"
        case .role(let name, _): name
        }
    }
}

/// Refuses callers that may not use an address. Without TLS a caller shows the credential of one role. Under TLS the name
/// in its certificate decides, and no credential is asked for. A unit may call only the addresses that name it.
package struct CredentialMiddleware<Context: RequestContext>: RouterMiddleware {
    /// What is known about a unit's number and the name in a certificate. A process that cannot know it throws.
    package typealias Naming = @Sendable (UnitID, String) throws(Problem) -> UnitNaming

    private let caller: Caller
    private let route: RouteClass
    private let naming: Naming

    package init(_ caller: Caller, for route: RouteClass, naming: @escaping Naming = { _, _ in .unknown }) {
        (self.caller, self.route, self.naming) = (caller, route, naming)
    }

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        let unit = context.parameters.get("unit").flatMap { UInt16($0) }.map { UnitID($0) }
        if let peer = PeerCertificate.current {
            try self.check(try peer.name(), unit)
        } else {
            guard let bearer = request.bearer, self.caller.isGood(bearer, unit: unit) else {
                throw Problem(
                    status: 401, code: "bad_credential",
                    detail: "this address needs Authorization: Bearer with the credential of \(self.caller.name(unit))")
            }
        }
        return try await next(request, context)
    }

    private func check(_ name: ProcessName, _ unit: UnitID?) throws(Problem) {
        var known: (id: UnitID, naming: UnitNaming)?
        if let unit, self.route.speaksForOneUnit, self.route.roles.contains(name.role) {
            known = (unit, try self.naming(unit, name.name))
        }
        if let refusal = self.route.judge(name, unit: known) { throw refusal.problem }
    }
}

extension RequestContext {
    /// Checks that the address and the message name the same unit.
    package func check(_ unit: UnitID) throws(Problem) {
        let text = self.parameters.get("unit") ?? ""
        guard text == unit.description else {
            throw Problem(
                status: 421, code: "wrong_unit",
                detail: "the address names unit \"\(text.prefix(20))\", but the message names unit \(unit)")
        }
    }

    /// Checks that the certificate and the message have the same name; without TLS there is none to compare.
    package func check(name: String) throws(Problem) {
        guard let caller = try PeerCertificate.current?.name(), caller.name != name else { return }
        throw Problem(
            status: 403, code: "wrong_name",
            detail: "the message names \"\(name.prefix(64))\", but the caller is \(caller)")
    }
}
