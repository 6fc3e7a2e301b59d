package import CurlClient
import Sockets
import TrancheAPI
package import TrancheCore

/// The processes, ports and secrets of a local cluster. `tranche up` writes it, and the other commands read it.
package struct ClusterLayout: Codable {
    package struct Unit: Codable {
        package let id: UnitID
        package let name: String
        /// The region of a unit that was added to the region of another one; others have the name of theirs.
        var ownRegion: String?
        package var region: String { self.ownRegion ?? self.name }
        /// Whether the unit was added later.
        package var isAdded: Bool { self.ownRegion != nil }
        package let publicPort: Int
        package let internalPort: Int
        /// The ports between unit and hub; `nil` without wide-area links.
        package let links: Links?
        package var publicURL: String { "http://127.0.0.1:\(self.publicPort)" }

        private enum CodingKeys: String, CodingKey {
            case id, name, publicPort, internalPort, links
            case ownRegion = "region"
        }
    }
    /// Ports of the link proxies between one unit and the hub.
    package struct Links: Codable {
        package let center: Int
        package let coordinator: Int
        package let standby: Int
        package let unit: Int
    }
    /// The gate of one region.
    package struct Gate: Codable {
        package let name: String
        package let publicPort: Int
        package let internalPort: Int
        package var publicURL: String { "http://127.0.0.1:\(self.publicPort)" }
    }
    package let centerPort: Int
    /// The port of the second center; `nil` if there is one.
    package var otherCenterPort: Int?
    /// The connection string of the PostgreSQL that the centers share; `nil`: one center, with a file.
    package var postgres: String?
    /// The connection strings of ledgers in PostgreSQL, by unit name; the others are files.
    package var ledgers: [String: String]?
    package let coordinatorPort: Int
    /// The port of the second coordinator, which leads if the first one fails.
    package let standbyPort: Int
    /// The port of the sample shop, which hears of every order; `nil` without one.
    package let shopPort: Int?
    /// The port of the sample payment provider; `nil` if there is none.
    package var providerPort: Int?
    /// The port of the endpoint that changes the links; `nil` without links.
    package let controlPort: Int?
    package internal(set) var units: [Unit]
    /// One for each region, or none.
    package var gates: [Gate] { self.gatesOfRegions ?? [] }
    /// Missing in the files of earlier versions.
    private let gatesOfRegions: [Gate]?
    package let secrets: [String: String]
    /// A folder with the `ca.pem`, `cert.pem` and `key.pem` of the operator, and with a folder of each process for its
    /// own; `nil`: no TLS.
    package var tls: String?
    /// The folder of the authority that issues them.
    package var authority: String?

    private enum CodingKeys: String, CodingKey {
        case centerPort, otherCenterPort, postgres, coordinatorPort, standbyPort, controlPort, units, secrets, tls
        case authority, ledgers, shopPort, providerPort
        case gatesOfRegions = "gates"
    }

    package var scheme: String { self.tls == nil ? "http" : "https" }
    package var centerURL: String { "\(self.scheme)://127.0.0.1:\(self.centerPort)" }
    package var otherCenterURL: String? { self.otherCenterPort.map { "\(self.scheme)://127.0.0.1:\($0)" } }
    /// Of all centers.
    package var centers: CenterAddresses {
        CenterAddresses(of: [self.centerURL] + (self.otherCenterURL.map { [$0] } ?? []))
    }
    package var shopURL: String? { self.shopPort.map { "http://127.0.0.1:\($0)" } }
    package var providerURL: String? { self.providerPort.map { "http://127.0.0.1:\($0)" } }
    package var coordinatorURL: String { "\(self.scheme)://127.0.0.1:\(self.coordinatorPort)" }
    package var standbyURL: String { "\(self.scheme)://127.0.0.1:\(self.standbyPort)" }
    package func internalURL(_ unit: Unit) -> String { "\(self.scheme)://127.0.0.1:\(unit.internalPort)" }
    package func secret(_ name: String) -> String { self.secrets[name] ?? "" }
    package var clientTLS: ClientTLS? {
        self.tls.map { ClientTLS(certificate: "\($0)/cert.pem", key: "\($0)/key.pem", authority: "\($0)/ca.pem") }
    }
    /// The shop's certificate, for its own addresses of units.
    var shopTLS: ClientTLS? {
        self.tls.map { base in
            let folder = Self.certificateFolder(base, .shop, "local")
            return ClientTLS(
                certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem", authority: "\(folder)/ca.pem")
        }
    }

    package static let secretNames = [
        "TRANCHE_UNITS_KEY", "TRANCHE_CONTEST_KEY", "TRANCHE_COORDINATOR_SECRET", "TRANCHE_ADMIN_SECRET",
        "TRANCHE_SHOP_SECRET", "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET", "TRANCHE_GATE_KEY",
        "TRANCHE_GATE_SECRET",
    ]

    static let webhookSecretName = "TRANCHE_OUTBOX_SHOP_SECRET"
    /// Of the sample shop; units need the first one, too.
    package static let shopSecretNames = [
        webhookSecretName, "TRANCHE_SAMPLE_SHOP_SECRET", "TRANCHE_SAMPLE_SHOP_KEY",
    ]

    package static let providerSecretName = "TRANCHE_PROVIDER_SECRET"
    package static let providerControlName = "TRANCHE_SAMPLE_PROVIDER_CONTROL"
    /// Of the sample provider; units need the first one, too.
    package static let providerSecretNames = [providerSecretName, providerControlName]

    /// Two centers that keep their state together, in place of one with a file.
    package mutating func share(_ postgres: String) throws {
        (self.postgres, self.otherCenterPort) = (postgres, try FreePorts.take(1)[0])
    }

    /// The secrets that one process needs.
    package func secrets(of part: LocalCluster.Part) -> [String: String] {
        func own(_ names: String...) -> [String: String] { self.secrets.filter { names.contains($0.key) } }
        switch part {
        case .redis, .gateRedis: return [:]
        case .shop: return self.secrets.filter { Self.shopSecretNames.contains($0.key) }
        case .provider: return own(Self.providerSecretName, Self.providerControlName, "TRANCHE_PAYMENT_SECRET")
        case .center, .otherCenter:
            return own(
                "TRANCHE_UNITS_KEY", "TRANCHE_COORDINATOR_SECRET", "TRANCHE_ADMIN_SECRET", "TRANCHE_GATE_SECRET")
        case .gate:
            return own("TRANCHE_GATE_KEY", "TRANCHE_GATE_SECRET", "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET")
        case .coordinator, .standby: return own("TRANCHE_COORDINATOR_SECRET", "TRANCHE_CONTEST_KEY")
        case .unit(let name):
            guard let unit = self.units.first(where: { $0.name == name }) else { return [:] }
            return own(
                "TRANCHE_SHOP_SECRET", "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET", Self.webhookSecretName,
                Self.providerSecretName
            ).merging(self.secrets(ofUnit: unit.id)) { $1 }
        }
    }

    /// The secrets that are derived for one unit.
    package func secrets(ofUnit unit: UnitID) -> [String: String] {
        let (units, contests) = (self.secret("TRANCHE_UNITS_KEY"), self.secret("TRANCHE_CONTEST_KEY"))
        return [
            "TRANCHE_UNIT_SECRET": UnitCredential.derive(.toCenter, of: unit, key: units),
            "TRANCHE_CENTER_SECRET": UnitCredential.derive(.fromCenter, of: unit, key: units),
            "TRANCHE_CONTEST_SECRET": UnitCredential.derive(.toCoordinator, of: unit, key: contests),
        ]
    }

    /// - Parameters:
    ///   - isWide: Whether there are wide-area links between the regions and the hub.
    ///   - hasGates: Whether each region has a gate.
    ///   - hasShop: Whether the sample shop hears of every order.
    ///   - hasProvider: Whether units ask the sample provider about payments.
    ///   - authority: The folder of the authority for TLS; `nil`: no TLS.
    ///   - postgres: Where two centers keep their state together.
    package static func random(
        regions: [String], isWide: Bool = false, hasGates: Bool = false, hasShop: Bool = false,
        hasProvider: Bool = false, authority: String? = nil, folder: ClusterFolder? = nil, postgres: String? = nil
    ) throws -> ClusterLayout {
        var ports = try FreePorts.take(7 + 8 * regions.count)
        func port() -> Int { ports.removeLast() }
        let units = regions.enumerated().map { place, name in
            Unit(
                id: UnitID(UInt16(place + 1)), name: name, publicPort: port(), internalPort: port(),
                links: isWide ? Links(center: port(), coordinator: port(), standby: port(), unit: port()) : nil)
        }
        let gates = hasGates ? regions.map { Gate(name: $0, publicPort: port(), internalPort: port()) } : []
        var secrets = Dictionary(
            uniqueKeysWithValues: (self.secretNames + (hasShop ? self.shopSecretNames : [])
                + (hasProvider ? self.providerSecretNames : [])).map { name in
                    (name, (0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined())
                })
        // 64 hexadecimal digits are the base64 of 48 bytes, too.
        if let text = secrets[self.webhookSecretName] {
            secrets[self.webhookSecretName] = WebhookSignature.secretPrefix + text
        }
        return ClusterLayout(
            centerPort: port(), otherCenterPort: postgres == nil ? nil : port(), postgres: postgres,
            coordinatorPort: port(), standbyPort: port(), shopPort: hasShop ? port() : nil,
            providerPort: hasProvider ? port() : nil,
            controlPort: isWide ? port() : nil,
            units: units, gatesOfRegions: gates, secrets: secrets,
            tls: authority.flatMap { _ in folder?.certificates }, authority: authority)
    }
}
