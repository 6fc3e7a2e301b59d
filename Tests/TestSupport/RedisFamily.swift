import DaemonSupport
import Foundation
import Sockets

/// A master and two replicas of one test, with three Sentinels that watch them. Units and Sentinels need passwords.
package final class RedisFamily {
    package static let master = "unit-1"
    package static let password = "password-of-a-redis-of-a-test"
    package static let sentinelPassword = "password-of-a-sentinel-of-a-test"
    private static let wrongPassword = "none"

    private let folder: String
    package let nodePorts: [Int]
    package let sentinelPorts: [Int]
    private var processes: [Int: ChildProcess] = [:]

    /// Starts all of them, and waits until each Sentinel knows the other ones and both replicas.
    package init() throws {
        self.folder = try TemporaryFolder.make()
        let ports = try FreePorts.take(6)
        (self.nodePorts, self.sentinelPorts) = (Array(ports[..<3]), Array(ports[3...]))
        try self.startNode(self.nodePorts[0], of: nil)
        for port in self.nodePorts[1...] { try self.startNode(port, of: self.nodePorts[0]) }
        // A Sentinel asks a master for its replicas at once, and then every 10 s.
        try RedisTool.wait(for: "two replicas") {
            try self.ask(self.nodePorts[0], "INFO", "replication").filter { $0.contains("state=online") }.count == 2
        }
        for port in self.sentinelPorts { try self.startSentinel(port) }
        for port in self.sentinelPorts {
            try RedisTool.wait(for: "a Sentinel that knows the others") {
                let words = try self.askSentinel(port, "MASTER", Self.master)
                func value(_ name: String) -> String? {
                    words.firstIndex(of: name).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
                }
                return value("num-slaves") == "2" && value("num-other-sentinels") == "2" && value("flags") == "master"
            }
        }
    }

    deinit { self.stop() }

    package func stop() {
        for process in self.processes.values {
            process.send(SIGCONT)
            process.crash()
        }
        self.processes = [:]
    }

    /// As the setting `redis.sentinels` has them.
    package var sentinels: String { self.sentinelPorts.map { "127.0.0.1:\($0)" }.joined(separator: ",") }

    private func startNode(_ port: Int, of master: Int?) throws {
        var arguments = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "no",
            "--requirepass", Self.password, "--masterauth", Self.password, "--repl-diskless-sync-delay", "0",
        ]
        if let master { arguments += ["--replicaof", "127.0.0.1", "\(master)"] }
        self.processes[port] = try ChildProcess(
            "/usr/bin/redis-server", arguments, environment: [:], log: "\(self.folder)/\(port).log")
        try RedisTool.wait(for: "Redis") { try self.ask(port, "PING") == ["PONG"] }
    }

    private func startSentinel(_ port: Int) throws {
        let folder = "\(self.folder)/\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let lines = [
            "port \(port)", "bind 127.0.0.1", "dir \(folder)", "requirepass \"\(Self.sentinelPassword)\"",
            "sentinel sentinel-pass \"\(Self.sentinelPassword)\"",
            "sentinel monitor \(Self.master) 127.0.0.1 \(self.nodePorts[0]) 2",
            "sentinel auth-pass \(Self.master) \"\(Self.password)\"",
            "sentinel down-after-milliseconds \(Self.master) 1500", "sentinel failover-timeout \(Self.master) 5000",
        ]
        let file = folder + "/sentinel.conf"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
        self.processes[port] = try ChildProcess(
            "/usr/bin/redis-server", [file, "--sentinel"], environment: [:], log: "\(self.folder)/\(port).log")
        try RedisTool.wait(for: "a Sentinel") { try self.askSentinel(port, "MYID").first?.count == 40 }
    }

    // MARK: questions

    @discardableResult package func ask(_ port: Int, _ words: String...) throws -> [String] {
        try RedisTool.ask(port, words, password: Self.password)
    }

    @discardableResult package func askSentinel(_ port: Int, _ words: String...) throws -> [String] {
        try RedisTool.ask(port, ["SENTINEL"] + words, password: Self.sentinelPassword)
    }

    /// The port of the node that every Sentinel names, and that calls itself a master; `nil` while they do not agree.
    package func agreedMaster() throws -> Int? {
        let named = Set(try self.sentinelPorts.map { try self.namedMaster(by: $0) })
        guard named.count == 1, let port = named.first ?? nil, try self.ask(port, "ROLE").first == "master" else {
            return nil
        }
        return port
    }

    /// The port of the node that one Sentinel names.
    package func namedMaster(by sentinel: Int) throws -> Int? {
        try self.askSentinel(sentinel, "GET-MASTER-ADDR-BY-NAME", Self.master).last.flatMap { Int($0) }
    }

    // MARK: faults

    package func kill(_ port: Int) { self.processes.removeValue(forKey: port)?.crash() }

    /// Stops or resumes a process: SIGSTOP, SIGCONT.
    package func signal(_ port: Int, _ signal: Int32) { self.processes[port]?.send(signal) }

    /// The replicas lose their master, and cannot log in to it again: they do not get what is written from now on.
    package func cutReplicas(of master: Int) throws {
        for port in self.nodePorts where port != master {
            try self.ask(port, "CONFIG", "SET", "masterauth", Self.wrongPassword)
        }
        try self.ask(master, "CLIENT", "KILL", "TYPE", "replica")
        try RedisTool.wait(for: "a master without replicas") {
            try self.ask(master, "INFO", "replication").contains { $0.hasPrefix("connected_slaves:0") }
        }
    }

    package func healReplicas() throws {
        for port in self.nodePorts where self.processes[port] != nil {
            try self.ask(port, "CONFIG", "SET", "masterauth", Self.password)
        }
    }
}
