import Foundation
import Terminal

// The secrets of a cluster's processes, as files: an operator may replace them while the processes run.

extension ClusterFolder {
    /// The folder with the secrets of one process.
    package func secrets(_ part: LocalCluster.Part) -> String {
        let name =
            switch part {
            case .center: "center"
            case .otherCenter: "other-center"
            case .coordinator: "coordinator"
            case .standby: "standby"
            case .shop: "shop"
            case .provider: "provider"
            case .unit(let name): "unit-\(name)"
            case .gate(let name): "gate-\(name)"
            case .redis(let name): "redis-\(name)"
            case .gateRedis(let name): "gate-redis-\(name)"
            }
        return "\(self.path)/secrets/\(name)"
    }
}

extension LocalCluster {
    /// Writes the secrets that are not there yet: those that were replaced stay.
    func writeSecrets(_ secrets: [String: String], of part: Part) throws {
        let folder = self.folder.secrets(part)
        try self.folder.make(folder)
        for (name, value) in secrets where !FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
            try self.folder.write(value + "\n", to: "\(folder)/\(name)")
        }
    }
}
