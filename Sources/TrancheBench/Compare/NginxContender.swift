import Clusters
import Crypto
import DaemonSupport
import Foundation
import LoadGenerator
import Sockets
import Terminal

/// nginx, Lua and Redis, a common alternative (peer A), and nginx alone (peer D).
final class NginxContender: Contender, @unchecked Sendable {  // Used by one run at a time.
    enum Kind: String {
        /// One script call for each request.
        case single = "orders"
        /// One script call for all waiting requests of a worker.
        case merged
        /// nginx answers from its configuration.
        case fixed = "return"
    }
    static let secret = "a-secret-of-the-benchmark-that-guards-nothing"
    static let scripts = "ops/bench/peers"

    let kind: Kind
    let workers: Int
    let fsync: String
    let port: Int
    /// A new folder for each start.
    private var folder = ""
    private var nginx: ChildProcess?
    private var redis: ChildProcess?
    private var tapes = 0

    /// - Parameter fsync: `everysec` or `always`.
    init(_ kind: Kind, workers: Int, fsync: String = "everysec") throws {
        self.kind = kind
        self.workers = workers
        self.fsync = fsync
        self.port = try FreePorts.take()
    }

    var name: String {
        switch self.kind {
        case .single: "A \(self.fsync)"
        case .merged: "A merged, \(self.fsync)"
        case .fixed: "D nginx return"
        }
    }

    var durability: String {
        switch (self.kind, self.fsync) {
        case (.fixed, _): "none"
        case (_, "always"): "AOF fsynced before the answer"
        default: "AOF fsynced once a second: up to a second of orders is lost"
        }
    }

    var settings: String {
        "\(self.workers) worker\(self.workers > 1 ? "s" : "")"
            + (self.kind == .fixed ? "" : ", unix socket, keep-alive pool, appendfsync \(self.fsync)")
    }

    func start() async throws {
        self.folder = try PrivateFolder.make("tranche-peer")
        // If this user is root, workers of nginx run as another user: they may open the socket, but not list the
        // folder.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: self.folder)
        var text = try String(contentsOfFile: "\(Self.scripts)/nginx.conf", encoding: .utf8)
        for (name, value) in [
            "WORKERS": String(self.workers), "FOLDER": self.folder, "SECRET": Self.secret, "PORT": String(self.port),
            "SCRIPTS": FileManager.default.currentDirectoryPath + "/" + Self.scripts,
        ] { text = text.replacing("@\(name)@", with: value) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.folder + "/nginx.conf"))
        let environment = ProcessInfo.processInfo.environment
        self.redis = try ChildProcess(
            try LocalCluster.find("redis-server"),
            [
                "--port", "0", "--unixsocket", self.folder + "/redis.sock", "--unixsocketperm", "777", "--dir",
                self.folder, "--save", "", "--appendonly", "yes", "--appendfsync", self.fsync,
            ], environment: environment, log: self.folder + "/redis.log")
        try await self.waitFor("redis") { try self.redisCommand("PING") }
        _ = try self.redisCommand("SET", "stock", "1000000000")
        self.nginx = try ChildProcess(
            try LocalCluster.find("nginx"), ["-c", self.folder + "/nginx.conf", "-p", self.folder],
            environment: environment, log: self.folder + "/nginx.out",
            deathSignal: SIGTERM)  // nginx then ends its workers.
        try await self.waitFor("nginx") {
            var tape = RequestTape()
            tape.append("GET / HTTP/1.1\r\nHost: peer\r\n\r\n")
            let result = try await Drive(port: self.port, connections: 1, seconds: 0.2).run(tape)
            guard result.answers == 1 else { throw CommandError("no answer") }
            return result
        }
    }

    /// Tries several times, because a server needs a moment until it listens.
    private func waitFor(_ what: String, _ body: () async throws -> some Any) async throws {
        for _ in 0..<100 {
            if (try? await body()) != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandError("\(what) does not answer; see the logs in \(self.folder)")
    }

    private func redisCommand(_ arguments: String...) throws -> Int32 {
        let process = try ChildProcess(
            try LocalCluster.find("redis-cli"), ["-s", self.folder + "/redis.sock"] + arguments,
            environment: ProcessInfo.processInfo.environment, log: self.folder + "/redis-cli.log")
        let code = process.wait()
        guard code == 0 else { throw CommandError("redis-cli ended with \(code)") }
        return code
    }

    func stop() async {
        for process in [self.nginx, self.redis] {
            process?.send(SIGTERM)
            for _ in 0..<100 where process?.isRunning == true { try? await Task.sleep(for: .milliseconds(20)) }
            process?.crash()
        }
        (self.nginx, self.redis) = (nil, nil)
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    var processes: [Int32] { [self.nginx?.pid, self.redis?.pid].compactMap { $0 } }

    func tape(_ workload: Workload, count: Int) async throws -> RequestTape {
        if workload == .refusals, self.kind != .fixed {
            // The first request finds no stock and sets the flag; all workers read it from shared memory.
            _ = try self.redisCommand("SET", "stock", "0")
        }
        var tape = RequestTape()
        self.tapes += 1
        let key = SymmetricKey(data: Data(Self.secret.utf8))
        for number in 0..<count {
            let payload = "b\(self.tapes)-\(number):\(String(format: "%016x%016x", self.tapes, number))"
            let code = HMAC<Insecure.SHA1>.authenticationCode(for: Data(payload.utf8), using: key)
            tape.append(
                "POST /\(self.kind.rawValue) HTTP/1.1\r\nHost: peer\r\n"
                    + "Authorization: Bearer \(payload).\(Data(code).base64EncodedString())\r\nContent-Length: 0\r\n\r\n"
            )
        }
        return tape
    }
}
