import CurlClient
import DaemonSupport
import Foundation
import TestSupport

/// A certificate authority of one test, made with the `openssl` command: a folder with `ca.pem`, `cert.pem`, `key.pem`.
struct TestAuthority {
    static let openssl = "/usr/bin/openssl"
    let folder: String

    var client: ClientTLS {
        ClientTLS(
            certificate: self.folder + "/cert.pem", key: self.folder + "/key.pem", authority: self.folder + "/ca.pem")
    }

    /// - Parameter names: The names of the certificate, in the form of `subjectAltName`.
    init(names: String = "IP:127.0.0.1") throws {
        self.folder = try TemporaryFolder.make()
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        let extensions = "subjectAltName=\(names)\nextendedKeyUsage=serverAuth,clientAuth\n"
        try Data(extensions.utf8).write(to: URL(fileURLWithPath: self.folder + "/extensions"))
        // Two of the same name would hide each other.
        let name = URL(fileURLWithPath: self.folder).lastPathComponent
        try self.make(
            ["req", "-x509"] + curve + [
                "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority of \(name)", "-addext",
                "keyUsage=critical,keyCertSign",
            ])
        try self.make(["req"] + curve + ["-keyout", "key.pem", "-out", "request", "-subj", "/CN=tranche"])
        try self.make([
            "x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "cert.pem",
        ])
    }

    private func make(_ arguments: [String]) throws {
        let said = try Self.shell(
            "cd \(self.folder) && \(Self.openssl) \(arguments.map { "'\($0)'" }.joined(separator: " "))")
        guard said.status == 0 else { throw TestFailure("openssl \(arguments): \(said.output)") }
    }

    /// What a server answers to `GET path` over TLS, asked by another TLS stack than this project's, with the given
    /// certificate or none.
    ///
    /// - Returns: The output of `openssl s_client`: the answer, or the error.
    static func ask(port: Int, path: String, trusting authority: TestAuthority, as client: TestAuthority?) throws
        -> String
    {
        let certificate = client.map { "-cert \($0.folder)/cert.pem -key \($0.folder)/key.pem" } ?? ""
        let request = "GET \(path) HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n"
        return try self.shell(
            "printf '\(request)' | \(self.openssl) s_client -connect 127.0.0.1:\(port) -quiet -verify_return_error "
                + "-CAfile \(authority.folder)/ca.pem \(certificate)"
        ).output
    }

    static func shell(_ line: String) throws -> (status: Int32, output: String) {
        let log = try TemporaryFolder.make() + "/log"
        let process = try ChildProcess(
            "/bin/sh", ["-c", line], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nowhere"], log: log)
        return (Processes.end(of: process, seconds: 20), (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }
}
