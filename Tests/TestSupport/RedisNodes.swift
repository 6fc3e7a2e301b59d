import Clusters
import DaemonSupport
import Foundation
import Sockets
import Terminal

/// Three masters of one test that are a Redis Cluster.
package final class RedisNodes {
    package let ports: [Int]
    private let folder: String
    private var processes: [ChildProcess] = []

    package init() throws {
        self.folder = try TemporaryFolder.make()
        let ports = try FreePorts.take(6)
        self.ports = Array(ports[..<3])
        for (port, bus) in zip(self.ports, ports[3...]) {
            let folder = "\(self.folder)/\(port)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            self.processes.append(
                try ChildProcess(
                    "/usr/bin/redis-server",
                    [
                        "--port", "\(port)", "--cluster-port", "\(bus)", "--bind", "127.0.0.1", "--dir", folder,
                        "--save", "", "--appendonly", "no", "--cluster-enabled", "yes",
                    ], environment: [:], log: "\(self.folder)/\(port).log"))
            try RedisTool.wait(for: "a node") { try RedisTool.ask(port, ["PING"]) == ["PONG"] }
        }
        let said = try RedisTool.run(
            ["--cluster", "create"] + self.ports.map { "127.0.0.1:\($0)" } + ["--cluster-yes"])
        guard said.contains(where: { $0.contains("All 16384 slots covered") }) else {
            throw CommandError("the cluster is not made: \(said.suffix(5))")
        }
        for port in self.ports {
            try RedisTool.wait(for: "a whole cluster") {
                try RedisTool.ask(port, ["CLUSTER", "INFO"]).contains { $0.hasPrefix("cluster_state:ok") }
            }
        }
    }

    deinit { for process in self.processes { process.crash() } }

    /// As the setting `redis.cluster` has them.
    package var nodes: String { self.ports.map { "127.0.0.1:\($0)" }.joined(separator: ",") }

    /// The node that has a key.
    package func owner(of key: String) throws -> Int? {
        try self.ports.first { port in
            try !RedisTool.ask(port, ["EXISTS", key]).contains { $0.hasPrefix("MOVED") }
        }
    }

    /// Moves the slot of a key, with its keys, from one node to another one.
    package func moveSlot(of key: String, from source: Int, to target: Int) throws {
        func ask(_ port: Int, _ words: String...) throws -> [String] { try RedisTool.ask(port, words) }
        guard let slot = try ask(source, "CLUSTER", "KEYSLOT", key).first,
            let sourceID = try ask(source, "CLUSTER", "MYID").first,
            let targetID = try ask(target, "CLUSTER", "MYID").first
        else { throw CommandError("a node does not answer") }
        _ = try ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID)
        _ = try ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", targetID)
        let keys = try ask(source, "CLUSTER", "GETKEYSINSLOT", slot, "100")
        try RedisTool.ask(source, ["MIGRATE", "127.0.0.1", "\(target)", "", "0", "5000", "KEYS"] + keys)
        for port in [target, source] + self.ports.filter({ $0 != target && $0 != source }) {
            guard try ask(port, "CLUSTER", "SETSLOT", slot, "NODE", targetID) == ["OK"] else {
                throw CommandError("the slot \(slot) was not given away by \(port)")
            }
        }
    }
}
