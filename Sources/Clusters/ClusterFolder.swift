import Foundation
import Terminal
import TrancheAPI

/// The data folder of a local cluster.
package struct ClusterFolder {
    package let path: String
    package init(path: String) { self.path = path }

    package var layoutPath: String { self.path + "/cluster.json" }
    package func unit(_ name: String) -> String { "\(self.path)/units/\(name)" }
    package var shop: String { self.path + "/shop" }
    package var provider: String { self.path + "/provider" }
    package func gate(_ name: String) -> String { "\(self.path)/gates/\(name)" }
    package func gateSocket(_ name: String) -> String { "\(self.path)/gates/\(name)/r.sock" }
    /// A Unix socket's path has at most 107 bytes.
    package func socket(_ name: String) -> String { "\(self.path)/units/\(name)/r.sock" }

    /// The path of a file with an error in microseconds, which a running unit adds to its clock.
    package func clockSteps(_ name: String) -> String { "\(self.unit(name))/clock-step" }

    /// The list of operators with names and roles, which both centers read.
    package var operators: String { self.path + "/operators" }

    package var certificates: String { self.path + "/tls" }

    package var backtraces: String { self.path + "/backtraces" }

    /// Creates a folder that only its owner can read.
    package func make(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw CommandError("the folder \(path) cannot be created: \(error.localizedDescription)") }
    }

    package func save(_ layout: ClusterLayout) throws {
        try self.make(self.path)
        try self.write(String(decoding: JSON.encode(layout, pretty: true), as: UTF8.self), to: self.layoutPath)
    }

    /// Writes a file that only its owner can read.
    package func write(_ text: String, to path: String) throws {
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        guard made else { throw CommandError("\(path) cannot be written") }
    }

    package func load() throws -> ClusterLayout {
        guard let data = FileManager.default.contents(atPath: self.layoutPath) else {
            throw CommandError(
                "\(self.layoutPath) is missing: run `tranche up --data \(self.path)` first, or name another folder with --data"
            )
        }
        return try JSON.decode(ClusterLayout.self, from: data)
    }
}
