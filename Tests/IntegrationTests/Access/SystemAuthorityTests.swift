import DaemonSupport
import Foundation
import Sockets
import TestSupport
import Testing
import TrancheAPI

/// The certificate authorities of the system, and a process with a configured authority.
@Suite("Access by certificate: authorities of the system", .serialized, .timeLimit(.minutes(2)))
struct SystemAuthorityTests {
    /// Whether a process can get its own view of the file system, without changing that of other processes.
    private static let canMount = (try? TestAuthority.shell("unshare -rm true && curl --version"))?.status == 0

    /// Runs a command that finds the authorities of `folder` in the system's folder, and returns its output.
    private func says(_ command: String, believing folder: String) throws -> (status: Int32, output: String) {
        try TestAuthority.shell("unshare -rm sh -c 'mount --bind \(folder) /etc/ssl/certs && exec \(command)'")
    }

    /// A folder as the system's: certificates under the hashes of their subjects.
    private func folder(with authority: TestAuthority) throws -> String {
        let folder = try TemporaryFolder.make()
        let said = try TestAuthority.shell(
            "cp \(authority.folder)/ca.pem \(folder)/$(openssl x509 -in \(authority.folder)/ca.pem -noout -subject_hash).0"
        )
        try #require(said.status == 0, "\(said.output)")
        return folder
    }

    /// The data folder of a cluster that is only a center, which the commands call over TLS.
    private func cluster(port: Int, believing authority: TestAuthority, as own: TestAuthority) throws -> String {
        let folder = try TemporaryFolder.make()
        for (from, name) in [(authority, "ca.pem"), (own, "cert.pem"), (own, "key.pem")] {
            try FileManager.default.copyItem(atPath: "\(from.folder)/\(name)", toPath: "\(folder)/\(name)")
        }
        let layout =
            "{\"centerPort\":\(port),\"coordinatorPort\":1,\"standbyPort\":1,\"units\":[],\"secrets\":{},\"tls\":\"\(folder)\"}"
        try Data(layout.utf8).write(to: URL(fileURLWithPath: folder + "/cluster.json"))
        return folder
    }

    @Test(
        "are not trusted beside the configured authority",
        .enabled(if: Self.canMount, "it needs a mount namespace, and curl"))
    func systemAuthoritiesAreNotTrusted() async throws {
        let (own, system) = (try TestAuthority(), try TestAuthority())
        let (certificates, port) = (try self.folder(with: system), try FreePorts.take())
        let server = try ChildProcess(
            TestAuthority.openssl,
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", system.folder + "/cert.pem", "-key",
                system.folder + "/key.pem", "-www",
            ], environment: [:], log: system.folder + "/log")
        defer { server.crash() }
        let address = "https://127.0.0.1:\(port)/"
        try await eventually("a server with the system's authority") {
            try TestAuthority.shell("curl --cacert \(system.folder)/ca.pem \(address)").status == 0
        }
        // curl uses the system's folder beside the given authority, so it trusts the server.
        let careless = try self.says("curl --cacert \(own.folder)/ca.pem \(address)", believing: certificates)
        try #require(careless.status == 0, "\(careless.output)")
        func unitList(believing authority: TestAuthority) throws -> String {
            let data = try self.cluster(port: port, believing: authority, as: system)
            let program = TestCluster.program("tranche").path
            return try self.says("\(program) unit list --data \(data)", believing: certificates).output
        }
        let doubter = try unitList(believing: own)
        #expect(doubter.contains("does not answer") && doubter.contains("certificate"), "\(doubter)")
        // The server is not a center, but its certificate is trusted.
        let friend = try unitList(believing: system)
        #expect(!friend.contains("does not answer"), "\(friend)")
    }
}
