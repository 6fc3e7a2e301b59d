import ArgumentParser
import CurlClient
import Foundation
import Sockets
import TrancheAPI
import TrancheCore

/// A problem that is told in one line.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What a local cluster is made of: written by `tranche up`, read by the other commands.
struct ClusterLayout: Codable {
    struct Unit: Codable {
        let id: UnitID
        let name: String
        let publicPort: Int
        let internalPort: Int
        /// Where the unit reaches the hub, and the hub the unit, if wide-area links are between them.
        let links: Links?
        var publicURL: String { "http://127.0.0.1:\(self.publicPort)" }
    }
    /// Ports of the proxies between one unit and the hub.
    struct Links: Codable {
        let center: Int
        let coordinator: Int
        let standby: Int
        let unit: Int
    }
    let centerPort: Int
    let coordinatorPort: Int
    /// A second coordinator, which leads when the first one is gone.
    let standbyPort: Int
    /// Where the links are changed, if there are any.
    let controlPort: Int?
    let units: [Unit]
    let secrets: [String: String]
    /// A folder with `ca.pem`, `cert.pem` and `key.pem` that all processes use between them; `nil`: no TLS.
    var tls: String?

    var scheme: String { self.tls == nil ? "http" : "https" }
    var centerURL: String { "\(self.scheme)://127.0.0.1:\(self.centerPort)" }
    var coordinatorURL: String { "\(self.scheme)://127.0.0.1:\(self.coordinatorPort)" }
    var standbyURL: String { "\(self.scheme)://127.0.0.1:\(self.standbyPort)" }
    func internalURL(_ unit: Unit) -> String { "\(self.scheme)://127.0.0.1:\(unit.internalPort)" }
    func secret(_ name: String) -> String { self.secrets[name] ?? "" }
    var clientTLS: ClientTLS? {
        self.tls.map { ClientTLS(certificate: "\($0)/cert.pem", key: "\($0)/key.pem", authority: "\($0)/ca.pem") }
    }

    static let secretNames = [
        "TRANCHE_UNITS_KEY", "TRANCHE_CONTEST_KEY", "TRANCHE_COORDINATOR_SECRET", "TRANCHE_ADMIN_SECRET",
        "TRANCHE_SHOP_SECRET", "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET",
    ]

    /// What one process may know, and nothing else.
    func secrets(of part: LocalCluster.Part) -> [String: String] {
        func own(_ names: String...) -> [String: String] { self.secrets.filter { names.contains($0.key) } }
        switch part {
        case .redis: return [:]
        case .center: return own("TRANCHE_UNITS_KEY", "TRANCHE_COORDINATOR_SECRET", "TRANCHE_ADMIN_SECRET")
        case .coordinator, .standby: return own("TRANCHE_COORDINATOR_SECRET", "TRANCHE_CONTEST_KEY")
        case .unit(let name):
            guard let unit = self.units.first(where: { $0.name == name }) else { return [:] }
            return own("TRANCHE_SHOP_SECRET", "TRANCHE_TOKEN_SECRET", "TRANCHE_PAYMENT_SECRET").merging(
                self.secrets(ofUnit: unit.id)
            ) { $1 }
        }
    }

    /// What is derived for one unit.
    func secrets(ofUnit unit: UnitID) -> [String: String] {
        let (units, contests) = (self.secret("TRANCHE_UNITS_KEY"), self.secret("TRANCHE_CONTEST_KEY"))
        return [
            "TRANCHE_UNIT_SECRET": UnitCredential.derive(.toCenter, of: unit, key: units),
            "TRANCHE_CENTER_SECRET": UnitCredential.derive(.fromCenter, of: unit, key: units),
            "TRANCHE_CONTEST_SECRET": UnitCredential.derive(.toCoordinator, of: unit, key: contests),
        ]
    }

    /// - Parameter isWide: Whether wide-area links are between the regions and the hub.
    static func random(regions: [String], isWide: Bool = false, tls: String? = nil) throws -> ClusterLayout {
        var ports = try FreePorts.take(4 + 6 * regions.count)
        func port() -> Int { ports.removeLast() }
        let units = regions.enumerated().map { place, name in
            Unit(
                id: UnitID(UInt16(place + 1)), name: name, publicPort: port(), internalPort: port(),
                links: isWide ? Links(center: port(), coordinator: port(), standby: port(), unit: port()) : nil)
        }
        let secrets = Dictionary(
            uniqueKeysWithValues: self.secretNames.map { name in
                (name, (0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined())
            })
        return ClusterLayout(
            centerPort: port(), coordinatorPort: port(), standbyPort: port(), controlPort: isWide ? port() : nil,
            units: units, secrets: secrets, tls: tls)
    }
}

/// The data folder of a local cluster.
struct ClusterFolder {
    let path: String
    var layoutPath: String { self.path + "/cluster.json" }
    func unit(_ name: String) -> String { "\(self.path)/units/\(name)" }
    /// A Unix socket's path has at most 107 bytes.
    func socket(_ name: String) -> String { "\(self.path)/units/\(name)/r.sock" }

    /// A number of microseconds in this file sets the clock of a running unit wrong.
    func clockSteps(_ name: String) -> String { "\(self.unit(name))/clock-step" }

    var backtraces: String { self.path + "/backtraces" }

    /// Makes a folder that only its owner can look into.
    func make(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw CommandError("the folder \(path) cannot be made: \(error.localizedDescription)") }
    }

    func save(_ layout: ClusterLayout) throws {
        try self.make(self.path)
        try self.write(String(decoding: JSON.encode(layout, pretty: true), as: UTF8.self), to: self.layoutPath)
    }

    /// Writes a file that only its owner can read.
    func write(_ text: String, to path: String) throws {
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        guard made else { throw CommandError("\(path) cannot be written") }
    }

    func load() throws -> ClusterLayout {
        guard let data = FileManager.default.contents(atPath: self.layoutPath) else {
            throw CommandError(
                "\(self.layoutPath) is missing: run `tranche up --data \(self.path)` first, or name another folder with --data"
            )
        }
        return try JSON.decode(ClusterLayout.self, from: data)
    }
}

/// Options that every command shares.
struct CommonOptions: ParsableArguments {
    @Option(help: "The cluster's data folder.") var data = "tranche-data"
    @Flag(help: "Print JSON, for scripts.") var json = false
    @Option(help: "The key of an act that may have happened already: with it, the act happens once.") var key: String?

    var folder: ClusterFolder {
        ClusterFolder(path: URL(fileURLWithPath: self.data).standardizedFileURL.path)
    }
    func client() throws -> AdminClient { AdminClient(try self.folder.load(), key: self.key) }
}
