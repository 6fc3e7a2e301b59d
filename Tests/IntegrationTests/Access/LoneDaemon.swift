import CurlClient
import DaemonSupport
import Foundation
import Sockets
import TestSupport
import TrancheAPI
import TrancheCore

/// One process of an installation, without the others: it answers for its credentials all the same.
final class LoneDaemon {
    private static let secrets = ["UNITS_KEY", "CONTEST_KEY", "COORDINATOR_SECRET", "ADMIN_SECRET", "GATE_SECRET"]

    let url: String
    private let program: String
    private let file: String
    private let curl = CurlClient()
    private var process: ChildProcess?

    /// - Parameter settings: More lines of its configuration, behind its port: more of its section, or other ones.
    init(_ program: String, section: String, settings: String = "") throws {
        let (folder, port) = (try TemporaryFolder.make(), try FreePorts.take())
        self.program = program
        self.file = folder + "/daemon.yaml"
        self.url = "http://127.0.0.1:\(port)"
        let text = "data:\n  folder: \"\(folder)\"\n\(section):\n  port: \(port)\n" + settings
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.file))
    }

    deinit { self.process?.crash() }

    /// Starts it, or starts it again, with these secrets; the others are random.
    func start(_ secrets: [String: String]) async throws {
        self.stop()
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
        for name in Self.secrets { environment["TRANCHE_\(name)"] = Secret.random() }
        environment.merge(secrets) { $1 }
        let log = self.file + ".log"
        let process = try ChildProcess(
            TestCluster.program(self.program).path, ["--config", self.file], environment: environment, log: log)
        self.process = process
        try await eventually("answer of \(self.program)") {
            guard process.isRunning else {
                throw TestFailure((try? String(contentsOfFile: log, encoding: .utf8)) ?? "no log")
            }
            return try await self.status("GET", "/healthz", nil) == 200
        }
    }

    func stop() {
        self.process?.send(SIGTERM)
        _ = self.process?.wait()
        self.process = nil
    }

    /// The status of an answer; 0 if there is none.
    func status(_ method: String, _ path: String, _ secret: String?) async throws -> Int {
        let headers = secret.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        let request = CurlRequest(method, self.url + path, headers: headers, body: method == "GET" ? nil : [])
        return (try? await self.curl.send(request))?.status ?? 0
    }
}

enum Secret {
    static func random() -> String {
        (0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined()
    }
}
