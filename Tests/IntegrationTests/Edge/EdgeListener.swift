import CurlClient
import DaemonSupport
import Foundation
import TrancheAPI
import TrancheCore

/// One of the four listeners of an installation, and its process.
struct EdgeListener: CustomStringConvertible {
    let description: String
    let port: Int
    let pid: Int32
    /// Bytes that a body may have here at most.
    let bodyLimit: Int
    /// A long answer, and a request for it.
    let path: String

    func connect(from source: String = "127.0.0.1") throws -> RawConnection {
        try RawConnection(self.port, from: source)
    }

    /// Memory that the process has at the moment, in MiB.
    var residentMiB: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.pid)/status", encoding: .utf8)) ?? ""
        return text.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.output.1) }.map { $0 >> 10 } ?? 0
    }

    /// Open files of the process, connections included.
    var openFiles: Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.pid)/fd").count) ?? 0 }

    /// - Parameter fields: Lines with their ends.
    static func get(_ path: String = "/healthz", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }
}

extension TestCluster {
    /// A unit's public and internal listener, the center's, and a coordinator's.
    var listeners: [EdgeListener] {
        get throws {
            struct Layout: Decodable { let centerPort: Int; let coordinatorPort: Int }
            let file = FileManager.default.contents(atPath: self.folder + "/cluster.json") ?? Data()
            let layout = try JSON.decode(Layout.self, from: file)
            func port(_ url: String) -> Int { Int(url.split(separator: ":").last!)! }
            let unit = self.units[0]
            let process = try self.pid("/units/\(unit.name)/unit.yaml")
            return [
                EdgeListener(
                    description: "public", port: port(unit.url), pid: process, bodyLimit: 16 << 10, path: "/v1/lots/1"),
                EdgeListener(
                    description: "internal", port: port(unit.internalURL), pid: process, bodyLimit: 8 << 20,
                    path: "/openapi.yaml"),
                EdgeListener(
                    description: "center", port: layout.centerPort, pid: try self.pid("/center/center.yaml"),
                    bodyLimit: 32 << 20, path: "/openapi.yaml"),
                EdgeListener(
                    description: "coordinator", port: layout.coordinatorPort, pid: try self.pid("/coordinator.yaml"),
                    bodyLimit: 4 << 20, path: "/openapi.yaml"),
            ]
        }
    }

    /// The process that was started with this configuration.
    private func pid(_ file: String) throws -> Int32 {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
                continue
            }
            if String(decoding: line, as: UTF8.self).contains(self.folder + file) { return pid }
        }
        throw TestFailure("no process has \(file)")
    }

    /// Starts a unit again, and waits until it answers; it may not be ready.
    ///
    /// - Parameter settings: Lines of the section `public` of its configuration.
    func replaceUnit(_ unit: Unit, settings: String = "") async throws -> ChildProcess {
        let folder = "\(self.folder)/units/\(unit.name)"
        let old = try self.pid("/units/\(unit.name)/unit.yaml")
        kill(old, SIGKILL)
        // Its parent waits for its end, and then its files are free.
        try await self.wait(for: "end of \(unit.name)") { !FileManager.default.fileExists(atPath: "/proc/\(old)") }
        var file = try String(contentsOfFile: folder + "/unit.yaml", encoding: .utf8)
        file.replace("public:\n", with: "public:\n" + settings)
        try Data(file.utf8).write(to: URL(fileURLWithPath: folder + "/unit.yaml"))
        let process = try ChildProcess(
            Self.program("tranche-unit").path, ["--config", folder + "/unit.yaml"],
            environment: ProcessInfo.processInfo.environment.merging(self.environment(of: unit)) { $1 },
            log: folder + "/log")
        try await self.wait(for: "answer of \(unit.name)") {
            (try? await self.call("GET", "\(unit.url)/healthz", secret: nil, body: nil))?.status == 200
        }
        return process
    }

    /// A request for one of the sale, as plain as lanes like it.
    func order(_ buyer: String) -> String {
        let token = self.token(buyer: buyer, unit: self.units[0].id.rawValue)
        return "POST /v1/lots/1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n\r\n"
    }
}
