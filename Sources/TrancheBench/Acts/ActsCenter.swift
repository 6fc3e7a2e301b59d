import Clusters
import CurlClient
import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Sockets
import Terminal
import TrancheAPI
import TrancheCore

/// A config center of its own that is killed and started again.
final class ActsCenter: Sendable {
    private static let secondsToStart = 30.0

    let folder: String
    let url: String
    private let admin: String
    private let environment: [String: String]
    private let curl = CurlClient()
    private let process = NIOLockedValueBox<ChildProcess?>(nil)

    init() throws {
        self.folder = try PrivateFolder.make("tranche-acts")
        let port = try FreePorts.take()
        self.url = "http://127.0.0.1:\(port)"
        let settings = "data:\n  folder: \"\(self.folder)\"\ncenter:\n  port: \(port)\n"
        try Data(settings.utf8).write(to: URL(fileURLWithPath: self.folder + "/center.yaml"))
        var generator = SystemRandomNumberGenerator()
        var secrets: [String: String] = [:]
        for name in ["UNITS_KEY", "COORDINATOR_SECRET", "GATE_SECRET", "ADMIN_SECRET"] {
            secrets["TRANCHE_\(name)"] = OperatorCredential.random(using: &generator)
        }
        self.admin = secrets["TRANCHE_ADMIN_SECRET"] ?? ""
        self.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRANCHE_") }
            .merging(secrets) { $1 }
    }

    /// Starts it, and waits until it answers.
    func start() async throws {
        let log = self.folder + "/log"
        let process = try ChildProcess(
            LocalCluster.sibling("tranche-config-center"), ["--config", self.folder + "/center.yaml"],
            environment: self.environment, log: log)
        self.process.withLockedValue { $0 = process }
        let end = ContinuousClock.now + .seconds(Self.secondsToStart)
        while true {
            let request = CurlRequest("GET", self.url + "/healthz", timeoutMilliseconds: 1_000)
            if let response = try? await self.curl.send(request), response.status == 200 { return }
            guard process.isRunning, ContinuousClock.now < end else {
                let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                throw CommandError("the center does not answer: \(said.suffix(2_000))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func kill() { self.process.withLockedValue { $0 }?.crash() }

    /// Ends it in peace, so that its files are whole without it.
    func end() {
        let process = self.process.withLockedValue { $0 }
        process?.send(SIGTERM)
        _ = process?.wait()
    }

    func remove() {
        self.kill()
        self.curl.stop()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// - Throws: `CurlError` if there was no answer: the act may have been carried out.
    func send(
        _ method: String, _ path: String, _ body: [UInt8]?, key: String?, version: Int? = nil
    ) async throws(CurlError) -> CurlResponse {
        var headers = ["Authorization": "Bearer \(self.admin)", "Content-Type": "application/json"]
        if let key { headers["Idempotency-Key"] = key }
        if let version { headers["If-Match"] = "\"\(version)\"" }
        return try await self.curl.send(
            CurlRequest(method, self.url + path, headers: headers, body: body ?? (method == "GET" ? nil : [])))
    }
}
