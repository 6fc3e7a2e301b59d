package import Hummingbird
package import TrancheAPI
package import TrancheCore

/// The callers that may use an address: one role, with its credential.
package enum Caller: Sendable {
    /// The unit that the address names, by its secret.
    case unit(keys: [String], UnitCredential.Purpose)
    /// A role whose callers share a secret. Each secret of the list is accepted, so that a new one can be introduced
    /// before the old one is removed.
    case role(String, secrets: [String])

    fileprivate func isGood(_ bearer: Substring.UTF8View, unit: UnitID?) -> Bool {
        switch self {
        case .unit(let keys, let purpose):
            guard let unit else { return false }
            return keys.contains {
                ConstantTime.isEqual(UnitCredential.derive(purpose, of: unit, key: $0).utf8, bearer)
            }
        case .role(_, let secrets): return secrets.contains { ConstantTime.isEqual($0.utf8, bearer) }
        }
    }

    fileprivate func name(_ unit: UnitID?) -> String {
        switch self {
        case .unit: unit.map { "unit \($0)" } ?? "a unit"
        case .role(let name, _): name
        }
    }
}

/// Refuses callers without the credential of one role. A unit may call only the addresses that name it.
package struct CredentialMiddleware<Context: RequestContext>: RouterMiddleware {
    private let caller: Caller
    package init(_ caller: Caller) { self.caller = caller }

    package func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response)
        async throws -> Response
    {
        let unit = context.parameters.get("unit").flatMap { UInt16($0) }.map { UnitID($0) }
        guard let bearer = request.bearer, self.caller.isGood(bearer, unit: unit) else {
            throw Problem(
                status: 401, code: "bad_credential",
                detail: "this address needs Authorization: Bearer with the credential of \(self.caller.name(unit))")
        }
        return try await next(request, context)
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
}
