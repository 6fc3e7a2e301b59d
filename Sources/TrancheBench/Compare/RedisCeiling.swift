import Clusters
import DaemonSupport
import Foundation
import Terminal

/// Calls the script of peer A with redis-benchmark (peer C): the ceiling of a store that does not merge requests.
enum RedisCeiling {
    /// Calls per second.
    static func run(clients: Int, calls: Int) async throws -> Double {
        let folder = try PrivateFolder.make("tranche-peer")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = folder + "/r.sock"
        let server = try ChildProcess(
            try LocalCluster.find("redis-server"),
            [
                "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes",
                "--appendfsync", "everysec",
            ], environment: ProcessInfo.processInfo.environment, log: folder + "/log")
        defer { server.crash() }
        for _ in 0..<100 {
            if (try? Program.output("redis-cli", ["-s", socket, "SET", "stock", "1000000000"])) != nil { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        let script = try String(contentsOfFile: NginxContender.scripts + "/single.lua", encoding: .utf8)
        let digest = try Program.output("redis-cli", ["-s", socket, "SCRIPT", "LOAD", script])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let text = try Program.output(
            "redis-benchmark",
            [
                "-s", socket, "-c", String(clients), "-n", String(calls), "-r", "1000000000", "--csv", "EVALSHA",
                digest,
                "4", "stock", "buyers", "count", "queue", "__rand_int__", "__rand_int__",
            ])
        guard let line = text.split(separator: "\n").last,
            let number = line.split(separator: ",").dropFirst().first.flatMap({
                Double($0.trimmingCharacters(in: CharacterSet(charactersIn: "\"")))
            })
        else { throw CommandError("redis-benchmark printed no figure: \(text.suffix(400))") }
        return number
    }
}
