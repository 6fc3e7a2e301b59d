import DaemonSupport
import Foundation
import TrancheCore

/// The secrets that each kind of process needs in its environment. No value leaves this file.
enum SecretList {
    /// The secret, and whether a certificate takes its place.
    private static func names(of role: Examination.Role) -> [(key: String, isReplaceable: Bool)] {
        switch role {
        case .unit:
            [
                ("tranche.unit.secret", true), ("tranche.center.secret", true), ("tranche.contest.secret", true),
                ("tranche.shop.secret", false), ("tranche.token.secret", false), ("tranche.payment.secret", false),
            ]
        case .gate: [("tranche.gate.key", false), ("tranche.token.secret", false), ("tranche.gate.secret", true)]
        case .center:
            [
                ("tranche.units.key", true), ("tranche.coordinator.secret", true), ("tranche.gate.secret", true),
                ("tranche.admin.secret", true),
            ]
        case .coordinator: [("tranche.coordinator.secret", true), ("tranche.contest.key", true)]
        }
    }

    static func readings(
        of role: Examination.Role, _ values: DaemonConfiguration, hasCertificate: Bool
    ) -> [MachineReading] {
        var seen: [String: String] = [:]
        // Only a unit that asks a payment provider shows it a secret.
        let hasProvider = role == .unit && !values.string("provider.url", default: "").isEmpty
        let more: [(key: String, isReplaceable: Bool)] = hasProvider ? [(ProviderSettings.secretKey, false)] : []
        return (self.names(of: role) + more).map { key, isReplaceable in
            let name = key.replacing(".", with: "_").uppercased()
            guard values.optionalSecret(key) != nil else {
                return .secret(name: name, isReplaceable && hasCertificate ? .notNeeded : .missing)
            }
            do throws(StartError) {
                // A gate reads its key at the start alone, and obeys no times.
                let isReadOnce = key == "tranche.gate.key"
                let secrets = isReadOnce ? try values.secrets(key) : try values.list(key).secrets.map(\.text)
                if let other = secrets.compactMap({ seen[$0] }).first {
                    return .secret(name: name, .repeated(other: other))
                }
                for secret in secrets { seen[secret] = name }
                return .secret(name: name, .fine(count: secrets.count))
            } catch { return .secret(name: name, .wrong(error.description)) }
        }
    }
}
