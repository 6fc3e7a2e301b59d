import Crypto
package import TrancheCore

/// The credentials between a unit and the other processes: one secret for each unit and direction. It is derived from a
/// key that only the center or the coordinators hold. A stolen secret allows only what its one unit may do.
package enum UnitCredential {
    package enum Purpose: String, Hashable, Sendable, CaseIterable {
        /// Shown by a unit to the center. Derived from `TRANCHE_UNITS_KEY`.
        case toCenter = "unit-to-center"
        /// Shown by the center to a unit. Derived from `TRANCHE_UNITS_KEY`.
        case fromCenter = "center-to-unit"
        /// Shown by a unit to coordinators. Derived from `TRANCHE_CONTEST_KEY`.
        case toCoordinator = "unit-to-coordinator"
    }

    /// HMAC-SHA256 (RFC 2104) with `key` over the purpose and the unit's number, as base64url: 43 characters.
    package static func derive(_ purpose: Purpose, of unit: UnitID, key: String) -> String {
        let message = Array("tranche \(purpose.rawValue) \(unit)".utf8)
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(key.utf8)))
        return Base64URL.encode(Array(code))
    }
}
