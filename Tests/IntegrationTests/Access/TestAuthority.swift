import CurlClient
import DaemonSupport
import Foundation
import TestSupport

/// A certificate authority of one test, made with the `openssl` command and of the form that `tranche ca` makes: a folder
/// with `ca.pem` and `ca.key`, and with `cert.pem` and `key.pem` of an operator that could also be a server.
struct TestAuthority {
    static let openssl = "/usr/bin/openssl"
    static let domain = "test.example"
    private static let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    let folder: String

    var client: ClientTLS {
        ClientTLS(
            certificate: self.folder + "/cert.pem", key: self.folder + "/key.pem", authority: self.folder + "/ca.pem")
    }

    /// A URI name of the authority's domain, in the form of `subjectAltName`.
    static func uri(_ role: String, _ name: String) -> String { "URI:spiffe://\(self.domain)/\(role)/\(name)" }

    init() throws {
        self.folder = try TemporaryFolder.make()
        // Two of the same name would hide each other.
        let name = URL(fileURLWithPath: self.folder).lastPathComponent
        try self.make(
            ["req", "-x509"] + Self.curve + [
                "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority of \(name)", "-addext",
                "keyUsage=critical,keyCertSign", "-addext", "subjectAltName=URI:spiffe://\(Self.domain)",
            ])
        try self.issue("IP:127.0.0.1,\(Self.uri("operator", "test"))", days: 2, to: self.folder)
    }

    /// Issues another certificate.
    ///
    /// - Parameters:
    ///   - names: In the form of `subjectAltName`.
    ///   - days: Until it expires; -1 for one that has expired.
    /// - Returns: A folder with `cert.pem`, `key.pem` and `ca.pem`.
    func certificate(_ names: String, days: Int = 2) throws -> String {
        let folder = try TemporaryFolder.make()
        try self.issue(names, days: days, to: folder)
        try FileManager.default.copyItem(atPath: self.folder + "/ca.pem", toPath: folder + "/ca.pem")
        return folder
    }

    private func issue(_ names: String, days: Int, to folder: String) throws {
        let extensions = "subjectAltName=\(names)\nextendedKeyUsage=serverAuth,clientAuth\n"
        try Data(extensions.utf8).write(to: URL(fileURLWithPath: folder + "/extensions"))
        try self.make(
            ["req"] + Self.curve + [
                "-keyout", folder + "/key.pem", "-out", folder + "/request", "-subj", "/CN=tranche",
            ])
        try self.make([
            "x509", "-req", "-in", folder + "/request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            "\(days)", "-extfile", folder + "/extensions", "-out", folder + "/cert.pem",
        ])
    }

    private func make(_ arguments: [String]) throws {
        let said = try Self.shell(
            "cd \(self.folder) && \(Self.openssl) \(arguments.map { "'\($0)'" }.joined(separator: " "))")
        guard said.status == 0 else { throw TestFailure("openssl \(arguments): \(said.output)") }
    }

    /// What a server answers to `GET path` over TLS, asked by another TLS stack than this project's.
    ///
    /// - Parameters:
    ///   - client: The folder of the caller's certificate; `nil` for none.
    ///   - options: More options of `openssl s_client`.
    /// - Returns: Its output: the answer, or the error.
    func ask(port: Int, path: String, as client: String?, options: String = "") throws -> String {
        let certificate = client.map { "-cert \($0)/cert.pem -key \($0)/key.pem" } ?? ""
        let request = "GET \(path) HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n"
        return try Self.shell(
            "printf '\(request)' | \(Self.openssl) s_client -connect 127.0.0.1:\(port) -quiet -verify_return_error "
                + "-CAfile \(self.folder)/ca.pem \(certificate) \(options)"
        ).output
    }

    static func shell(_ line: String) throws -> (status: Int32, output: String) {
        let log = try TemporaryFolder.make() + "/log"
        let process = try ChildProcess(
            "/bin/sh", ["-c", line], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nowhere"], log: log)
        return (Processes.end(of: process, seconds: 20), (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }
}
