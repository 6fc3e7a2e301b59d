/// Why a proof of identity is refused. Each case names the value that is wrong.
package enum IdentityError: Error, Hashable, Sendable {
    case missing
    case tooLong(bytes: Int, limit: Int)
    case malformed(reason: String)
    /// Only signatures by key pairs are accepted: whoever can check one must not be able to make one.
    case algorithm(String)
    /// No key has this id, or the proof names none and there are several keys.
    case unknownKey(String?)
    /// The key belongs to another algorithm than the proof names.
    case algorithmOfKey(String, key: String, expected: String)
    case forged
    case wrongIssuer(String?, expected: String)
    case wrongAudience([String], expected: String)
    case missingClaim(String)
    case badClaim(String, reason: String)
    /// Times are in seconds since 1970.
    case expired(at: Int64)
    case early(notBefore: Int64)
}

extension IdentityError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing: "the header Authorization: Bearer JWT is missing"
        case .tooLong(let bytes, let limit): "the JWT has \(bytes) bytes, at most \(limit)"
        case .malformed(let reason): "the JWT is malformed: \(reason)"
        case .algorithm(let name):
            "the JWT's algorithm \(Self.shown(name)) is not one of "
                + IdentityAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        case .unknownKey(.some(let id)): "the JWT's key \(Self.shown(id)) is not known"
        case .unknownKey(nil): "the JWT does not name its key, and several keys are known"
        case .algorithmOfKey(let name, let key, let expected):
            "the JWT's algorithm is \(Self.shown(name)), but its key \(Self.shown(key)) is for \(expected)"
        case .forged: "the JWT's signature is wrong"
        case .wrongIssuer(let issuer, let expected):
            "the JWT's issuer is \(issuer.map(Self.shown) ?? "missing"), not \(Self.shown(expected))"
        case .wrongAudience(let audience, let expected):
            "the JWT is for "
                + (audience.isEmpty ? "nobody" : audience.prefix(4).map(Self.shown).joined(separator: ", "))
                + ", not for \(Self.shown(expected))"
        case .missingClaim(let name): "the JWT has no claim \"\(name)\""
        case .badClaim(let name, let reason): "the JWT's claim \"\(name)\" is bad: \(reason)"
        case .expired(let at): "the JWT expired at \(at) s"
        case .early(let notBefore): "the JWT is valid from \(notBefore) s on"
        }
    }

    /// A text of a stranger, for a message: in quotes, with escapes, and not endless.
    private static func shown(_ text: String) -> String { String(text.prefix(64)).debugDescription }
}

/// The algorithms of signatures (RFC 7518, RFC 8037).
package enum IdentityAlgorithm: String, Hashable, Sendable, CaseIterable {
    case edDSA = "EdDSA"
    case es256 = "ES256"
    case rs256 = "RS256"
}
