import CurlClient
import Foundation
import Terminal
import TrancheCore

// The programs, options and configuration files of a cluster's processes.

extension LocalCluster {
    func log(_ part: Part) -> String {
        switch part {
        case .redis(let name): self.folder.unit(name) + "/redis.log"
        case .center: self.folder.path + "/center/log"
        case .otherCenter: self.folder.path + "/center/other.log"
        case .coordinator: self.folder.path + "/coordinator.log"
        case .standby: self.folder.path + "/standby.log"
        case .unit(let name): self.folder.unit(name) + "/log"
        case .gate(let name): self.folder.gate(name) + "/log"
        case .gateRedis(let name): self.folder.gate(name) + "/redis.log"
        case .shop: self.folder.shop + "/log"
        case .provider: self.folder.provider + "/log"
        }
    }

    func command(_ part: Part) throws -> (path: String, arguments: [String]) {
        switch part {
        case .redis(let name):
            return (try Self.find("redis-server"), Self.redis(self.folder.socket(name), self.folder.unit(name)))
        case .gateRedis(let name):
            return (try Self.find("redis-server"), Self.redis(self.folder.gateSocket(name), self.folder.gate(name)))
        case .gate(let name):
            let gate = self.layout.gates.first { $0.name == name }!
            let file = try self.write("gates/\(name)/gate.yaml", self.values(of: gate), for: part)
            return (Self.sibling("tranche-gate"), ["--config", file])
        case .shop:
            let values: [String: [String: any CustomStringConvertible]] = [
                "shop": ["port": self.layout.shopPort ?? 0], "data": ["folder": self.folder.shop],
            ]
            return (
                Self.sibling("tranche-sample-shop"), ["--config", try self.write("shop/shop.yaml", values, for: part)]
            )
        case .provider:
            let values: [String: [String: any CustomStringConvertible]] = [
                "provider": ["port": self.layout.providerPort ?? 0, "callbacks": self.receivers],
                "data": ["folder": self.folder.provider],
            ]
            return (
                Self.sibling("tranche-sample-provider"),
                ["--config", try self.write("provider/provider.yaml", values, for: part)]
            )
        case .center, .otherCenter:
            let isFirst = part == .center
            try self.makeOperators()
            let file = try self.write(
                isFirst ? "center/center.yaml" : "center/other.yaml",
                isFirst
                    ? self.center(port: self.layout.centerPort, name: "center")
                    : self.center(port: self.layout.otherCenterPort ?? 0, name: "other"), for: part)
            return (Self.sibling("tranche-config-center"), ["--config", file])
        case .coordinator, .standby:
            let isFirst = part == .coordinator
            let file = try self.write(
                isFirst ? "coordinator.yaml" : "standby.yaml",
                [
                    "coordinator": ["port": isFirst ? self.layout.coordinatorPort : self.layout.standbyPort],
                    "center": ["url": self.centerURLs], "tls": self.tls(.coordinator, isFirst ? "first" : "second"),
                ], for: part)
            return (Self.sibling("tranche-coordinator"), ["--config", file])
        case .unit(let name):
            let unit = self.layout.units.first { $0.name == name }!
            let file = try self.write("units/\(name)/unit.yaml", self.values(of: unit), for: part)
            return (Self.sibling("tranche-unit"), ["--config", file])
        }
    }

    /// Redis is only a witness: the unit rebuilds lost data from the ledger, so Redis need not write to disk.
    static func redis(_ socket: String, _ folder: String) -> [String] {
        [
            "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "no", "--daemonize",
            "no",
        ]
    }

    /// Under TLS a center without a list lets no certificate in, so the cluster's own one is in it from the start. There is
    /// no other way in: nobody shows the secret of admins then.
    private func makeOperators() throws {
        guard self.layout.tls != nil, !FileManager.default.fileExists(atPath: self.folder.operators) else { return }
        let own = OperatorList.Entry(name: ClusterLayout.operatorName, role: .admin, digest: nil)
        try self.folder.write(OperatorList([own]).text, to: self.folder.operators)
    }

    private func center(port: Int, name: String) -> [String: [String: any CustomStringConvertible]] {
        var values: [String: [String: any CustomStringConvertible]] = [
            "center": ["port": port], "tls": self.tls(.center, name), "operators": ["file": self.folder.operators],
        ]
        if let postgres = self.layout.postgres {
            // A cluster on one machine is for trials, and usually has no standbys.
            values["authority"] = ["postgres": postgres, "unreplicated": "\(self.stores.isEmpty)"]
        } else {
            values["data"] = ["folder": self.folder.path + "/center"]
        }
        return values
    }

    /// What other processes call the centers by.
    private var centerURLs: String { self.layout.centers.all.joined(separator: ",") }

    /// The configuration of a unit.
    func values(of unit: ClusterLayout.Unit) -> [String: [String: any CustomStringConvertible]] {
        let name = unit.name
        var values: [String: [String: any CustomStringConvertible]] = [
            "unit": ["id": Int(unit.id.rawValue), "name": name, "region": unit.region],
            "public": ["port": unit.publicPort], "internal": ["port": unit.internalPort],
            "redis": ["address": self.folder.socket(name)], "center": ["url": self.centerURLs],
            "data": ["folder": self.folder.unit(name)],
            "clock": [
                "offset": self.clockOffset(name),
                "stepfile": self.folder.clockSteps(name),
            ],
            "tls": self.tls(.unit, name),
        ]
        if let stores = self.stores[name] {
            values["ledger"] = ["postgres": stores.ledger]
            values["redis"] = ["sentinels": stores.sentinels, "master": stores.master]
        }
        if let limit = self.connectionsPerUnit {
            values["public"]?["connections"] = limit
            values["public"]?["address.connections"] = limit
        }
        if self.wide != nil, let links = unit.links {
            let scheme = self.layout.scheme
            values["center"] = ["url": "\(scheme)://127.0.0.1:\(links.center)"]
            values["internal"]?["url"] = "\(scheme)://127.0.0.1:\(links.unit)"
            values["links"] = [
                "routes": "\(self.layout.coordinatorURL)=\(scheme)://127.0.0.1:\(links.coordinator),"
                    + "\(self.layout.standbyURL)=\(scheme)://127.0.0.1:\(links.standby)"
            ]
        }
        if let ledger = self.layout.ledgers?[name] { values["ledger"] = ["postgres": ledger] }
        if let shop = self.layout.shopURL { values["outbox"] = Self.outbox(shop) }
        if let provider = self.layout.providerURL {
            values["provider"] = ["url": provider, "private": "true", "timeout": Self.providerMilliseconds]
        }
        return values
    }

    /// The provider is on the same machine: a call that takes longer is one to a provider that was killed or paused.
    private static let providerMilliseconds = 1_000

    /// The units, as the provider tells them of payments.
    private var receivers: String {
        self.layout.units.map { "\($0.name)=\($0.publicURL)" }.joined(separator: ",")
    }

    /// The sample shop as a consumer. It may be away for some seconds, and the trial goes on soon after: the usual pauses are
    /// for outages of hours.
    private static func outbox(_ shop: String) -> [String: any CustomStringConvertible] {
        let pauses = [200, 400, 800, 1_600] + Array(repeating: 2_000, count: 16)
        return [
            "consumers": "shop", "shop.url": shop + "/hooks/tranche", "shop.private": "true",
            "shop.pauses": pauses.map(String.init).joined(separator: ","),
        ]
    }

    /// The configuration of a gate. It calls the center over its region's link.
    private func values(of gate: ClusterLayout.Gate) -> [String: [String: any CustomStringConvertible]] {
        let links = self.wide == nil ? nil : self.layout.units.first { $0.name == gate.name }?.links
        return [
            "gate": ["name": gate.name, "region": gate.name],
            "public": ["port": gate.publicPort, "connections": 20_000, "address.connections": 20_000],
            "internal": ["port": gate.internalPort], "redis": ["address": self.folder.gateSocket(gate.name)],
            "center": ["url": links.map { "\(self.layout.scheme)://127.0.0.1:\($0.center)" } ?? self.centerURLs],
            "identity": ["dev": "true"], "proxies": ["trusted": "127.0.0.1,::1"],
            "tls": self.tls(.gate, gate.name),
        ]
    }

    private func tls(_ role: ProcessName.Role, _ name: String) -> [String: any CustomStringConvertible] {
        guard let base = self.layout.tls else { return [:] }
        let folder = ClusterLayout.certificateFolder(base, role, name)
        return ["certificate": folder + "/cert.pem", "key": folder + "/key.pem", "authority": folder + "/ca.pem"]
    }

    /// Writes a two-level YAML file.
    ///
    /// - Parameter part: The process that reads it, if its secrets may be in files.
    func write(
        _ name: String, _ given: [String: [String: any CustomStringConvertible]], for part: Part? = nil
    ) throws -> String {
        let path = "\(self.folder.path)/\(name)"
        var values = given
        if self.hasSecretFiles, let part { values["secrets"] = ["folder": self.folder.secrets(part)] }
        let text = values.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { section, entries in
            "\(section):\n"
                + entries.sorted { $0.key < $1.key }.map { key, value in
                    value is Int ? "  \(key): \(value)\n" : "  \(key): \"\(value)\"\n"
                }.joined()
        }.joined()
        try self.folder.write(text, to: path)
        return path
    }

    /// The path of a daemon, which is in the folder of this program.
    package static func sibling(_ name: String) -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appendingPathComponent(name).path
    }

    package static func find(_ name: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":") + ["/usr/bin", "/usr/sbin"]
        where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        let package = name.hasPrefix("redis-") ? "redis-server" : name
        throw CommandError("\(name) is not installed; on Debian and Ubuntu: apt-get install \(package)")
    }
}
