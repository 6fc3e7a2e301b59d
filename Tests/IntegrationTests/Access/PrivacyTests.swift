import Foundation
import Testing
import TrancheCore

/// Other users of the same machine, and its environment.
@Suite("On a shared machine", .serialized, .timeLimit(.minutes(2))) struct PrivacyTests {
    @Test("no other user can read a file of the cluster, or enter a folder of it")
    func clusterFilesArePrivate() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        #expect(try await cluster.buySurely(cluster.units[0], buyer: "anna"))
        let files = FileManager.default
        var seen = 0
        for name in try files.subpathsOfDirectory(atPath: cluster.folder) {
            // The test made this one.
            if name == "up.log" { continue }
            let attributes = try files.attributesOfItem(atPath: "\(cluster.folder)/\(name)")
            // A socket is reached through its folder only.
            guard let type = attributes[.type] as? FileAttributeType, type != .typeSocket else { continue }
            let mode = (attributes[.posixPermissions] as? Int) ?? 0o777
            #expect(mode & 0o077 == 0, "\(name) has the mode \(String(mode, radix: 8))")
            seen += 1
        }
        #expect(seen > 20, "ledgers, logs, configurations and their folders")
    }

    @Test("calls between processes ignore proxies of the environment")
    func callsIgnoreEnvironmentProxies() async throws {
        let cluster = try await TestCluster.start(stock: 3, limit: 1)
        defer { cluster.stop() }
        var environment = ProcessInfo.processInfo.environment
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
            environment[name] = "http://127.0.0.1:1"
        }
        environment["no_proxy"] = nil
        environment["NO_PROXY"] = nil
        let list = try TestCluster.run("tranche", ["unit", "list", "--data", cluster.folder], environment)
        #expect(list.status == 0 && list.output.contains("us-east"), "\(list.output)")
    }
}
