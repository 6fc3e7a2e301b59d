import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Sockets
import Terminal

/// A private Redis with two replicas, and three Sentinels that watch them. Units and Sentinels need passwords.
///
/// Its calls block.
package final class RedisFamily: Sendable {
    package struct Passwords: Sendable {
        package let node: String
        package let sentinel: String

        package init(node: String, sentinel: String) { (self.node, self.sentinel) = (node, sentinel) }
    }

    /// A Redis that answers nothing for so long is lost.
    private static let downAfterMilliseconds = 1_500

    /// The name that the Sentinels have for it.
    package let master: String
    package let passwords: Passwords
    package let nodePorts: [Int]
    package let sentinelPorts: [Int]
    private let folder: String
    let processes = NIOLockedValueBox<[Int: ChildProcess]>([:])
    private let isStopping = NIOLockedValueBox(false)

    /// Chooses the ports; nothing runs yet.
    ///
    /// - Parameter folder: The caller removes it.
    package init(folder: String, master: String, passwords: Passwords) throws {
        (self.folder, self.master, self.passwords) = (folder, master, passwords)
        let ports = try FreePorts.take(6)
        (self.nodePorts, self.sentinelPorts) = (Array(ports[..<3]), Array(ports[3...]))
    }

    deinit { self.stop() }

    /// Starts all of them, and waits until each Sentinel knows the other ones and both replicas.
    package func start() throws {
        try self.startNode(self.nodePorts[0], of: nil)
        for port in self.nodePorts[1...] { try self.startNode(port, of: self.nodePorts[0]) }
        // A Sentinel asks a master for its replicas at once, and then every 10 s.
        try self.wait(for: "two replicas") {
            try self.ask(self.nodePorts[0], "INFO", "replication").filter { $0.contains("state=online") }.count == 2
        }
        for port in self.sentinelPorts { try self.startSentinel(port) }
        for port in self.sentinelPorts {
            try self.wait(for: "a Sentinel that knows the others") {
                let words = try self.askSentinel(port, "MASTER", self.master)
                func value(_ name: String) -> String? {
                    words.firstIndex(of: name).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
                }
                return value("num-slaves") == "2" && value("num-other-sentinels") == "2" && value("flags") == "master"
            }
        }
    }

    package func stop() {
        self.isStopping.withLockedValue { $0 = true }
        let processes = self.processes.withLockedValue { processes in
            defer { processes = [:] }
            return processes
        }
        for process in processes.values {
            process.send(SIGCONT)
            process.crash()
        }
    }

    /// As the setting `redis.sentinels` has them.
    package var sentinels: String { self.sentinelPorts.map { "127.0.0.1:\($0)" }.joined(separator: ",") }

    private func startNode(_ port: Int, of master: Int?) throws {
        let folder = "\(self.folder)/\(port)"
        let password = self.passwords.node
        try self.launch(
            port, folder,
            [
                "port \(port)", "bind 127.0.0.1", "dir \(folder)", "save \"\"", "appendonly no",
                "requirepass \"\(password)\"", "masterauth \"\(password)\"", "repl-diskless-sync-delay 0",
            ] + (master.map { ["replicaof 127.0.0.1 \($0)"] } ?? []), [])
        try self.wait(for: "Redis") { try self.ask(port, "PING") == ["PONG"] }
    }

    private func startSentinel(_ port: Int) throws {
        let folder = "\(self.folder)/\(port)"
        try self.launch(
            port, folder,
            [
                "port \(port)", "bind 127.0.0.1", "dir \(folder)", "requirepass \"\(self.passwords.sentinel)\"",
                "sentinel sentinel-pass \"\(self.passwords.sentinel)\"",
                "sentinel monitor \(self.master) 127.0.0.1 \(self.nodePorts[0]) 2",
                "sentinel auth-pass \(self.master) \"\(self.passwords.node)\"",
                "sentinel down-after-milliseconds \(self.master) \(Self.downAfterMilliseconds)",
                "sentinel failover-timeout \(self.master) 5000",
            ], ["--sentinel"])
        try self.wait(for: "a Sentinel") { try self.askSentinel(port, "MYID").first?.count == 40 }
    }

    /// The passwords are in a file: everybody may read the arguments of a process.
    private func launch(_ port: Int, _ folder: String, _ lines: [String], _ arguments: [String]) throws {
        let place = ClusterFolder(path: folder)
        try place.make(folder)
        let file = folder + "/redis.conf"
        // Redis writes its command line anew: with its file, whoever looks for it knows whose it is.
        let title = "proc-title-template \"{title} {listen-addr} {server-mode} {config-file}\""
        try place.write(([title] + lines).joined(separator: "\n") + "\n", to: file)
        guard !self.isStopping.withLockedValue({ $0 }) else { throw CommandError("Redis is stopping") }
        let process = try ChildProcess(
            LocalCluster.find("redis-server"), [file] + arguments, environment: [:], log: folder + "/log")
        self.processes.withLockedValue { $0[port] = process }
    }

    private func wait(for what: String, until condition: () throws -> Bool) throws {
        try RedisTool.wait(for: what) {
            guard !self.isStopping.withLockedValue({ $0 }) else { throw CommandError("Redis is stopping") }
            return try condition()
        }
    }

    // MARK: questions

    @discardableResult package func ask(_ port: Int, _ words: String...) throws -> [String] {
        try RedisTool.ask(port, words, password: self.passwords.node, in: self.folder)
    }

    @discardableResult package func askSentinel(_ port: Int, _ words: String...) throws -> [String] {
        try RedisTool.ask(port, ["SENTINEL"] + words, password: self.passwords.sentinel, in: self.folder)
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
        try self.askSentinel(sentinel, "GET-MASTER-ADDR-BY-NAME", self.master).last.flatMap { Int($0) }
    }
}
