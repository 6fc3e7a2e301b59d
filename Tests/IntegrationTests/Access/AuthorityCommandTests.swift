import Foundation
import TestSupport
import Testing

/// `tranche ca`, checked with openssl.
@Suite("The command ca", .serialized, .timeLimit(.minutes(2))) struct AuthorityCommandTests {
    private func run(_ arguments: String...) throws -> (status: Int32, output: String) {
        try TestCluster.run("tranche", ["ca"] + arguments)
    }

    private func openssl(_ line: String) throws -> (status: Int32, output: String) {
        try TestAuthority.shell("\(TestAuthority.openssl) \(line)")
    }

    private func made(domain: String = "shop.example") throws -> String {
        let folder = try TemporaryFolder.make() + "/ca"
        let said = try self.run("init", folder, "--domain", domain)
        #expect(said.status == 0, "\(said.output)")
        return folder
    }

    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
    }

    @Test("an authority is a P-256 key that only its owner can read, and a certificate that signs others")
    func authorityIsSound() throws {
        let folder = try self.made()
        #expect(try self.mode(folder + "/ca.key") == 0o600)
        let text = try self.openssl("x509 -in \(folder)/ca.pem -noout -text").output
        for part in ["CA:TRUE, pathlen:0", "Certificate Sign", "URI:spiffe://shop.example", "P-256"] {
            #expect(text.contains(part), "\(part): \(text)")
        }
        #expect(try self.openssl("verify -x509_strict -CAfile \(folder)/ca.pem \(folder)/ca.pem").status == 0)
        #expect(try self.openssl("ec -in \(folder)/ca.key -noout -check").status == 0)
    }

    @Test("a certificate verifies, has one URI name and its hosts, serves both ends, and lives for a day")
    func certificateIsSound() throws {
        let (folder, out) = (try self.made(), try TemporaryFolder.make() + "/unit")
        let said = try self.run(
            "issue", folder, "unit", "eu-west-1", "--host", "unit.shop.example", "--host", "10.0.0.7", "--host",
            "2001:db8::7", "--out", out)
        #expect(said.status == 0, "\(said.output)")
        for host in ["-verify_hostname unit.shop.example", "-verify_ip 10.0.0.7", "-verify_ip 2001:db8::7"] {
            let purpose = "-x509_strict -purpose sslserver \(host)"
            let verified = try self.openssl("verify \(purpose) -CAfile \(out)/ca.pem \(out)/cert.pem")
            #expect(verified.status == 0, "\(verified.output)")
        }
        #expect(try self.openssl("verify -purpose sslclient -CAfile \(out)/ca.pem \(out)/cert.pem").status == 0)
        #expect(
            try self.openssl("verify -verify_hostname other.example -CAfile \(out)/ca.pem \(out)/cert.pem").status != 0)
        let text = try self.openssl("x509 -in \(out)/cert.pem -noout -text").output
        #expect(text.components(separatedBy: "URI:").count == 2, "\(text)")
        #expect(text.contains("URI:spiffe://shop.example/unit/eu-west-1"), "\(text)")
        #expect(text.contains("CA:FALSE"), "\(text)")
        // It expires in a day: within 23 hours it does not, within 25 it does.
        #expect(try self.openssl("x509 -in \(out)/cert.pem -noout -checkend 82800").status == 0)
        #expect(try self.openssl("x509 -in \(out)/cert.pem -noout -checkend 90000").status == 1)
        // The key belongs to it, and only its owner can read it.
        #expect(try self.mode(out + "/key.pem") == 0o600)
        let keys = try ["pkey -in \(out)/key.pem -pubout", "x509 -in \(out)/cert.pem -noout -pubkey"].map {
            try self.openssl($0).output
        }
        #expect(keys[0] == keys[1] && keys[0].contains("PUBLIC KEY"))
        #expect(
            try String(contentsOfFile: out + "/ca.pem", encoding: .utf8)
                == (try String(contentsOfFile: folder + "/ca.pem", encoding: .utf8)))
    }

    @Test("nothing is overwritten without --force, and with it everything is new")
    func nothingIsOverwritten() throws {
        let (folder, out) = (try self.made(), try TemporaryFolder.make() + "/ops")
        func texts(_ folder: String, _ names: [String]) throws -> [String] {
            try names.map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
        }
        let authority = try texts(folder, ["ca.pem", "ca.key"])
        let again = try self.run("init", folder, "--domain", "shop.example")
        #expect(again.status == 1 && again.output.contains("ca.key exists: --force replaces it"), "\(again.output)")
        #expect(try texts(folder, ["ca.pem", "ca.key"]) == authority)

        #expect(try self.run("issue", folder, "operator", "ann", "--out", out).status == 0)
        let first = try texts(out, ["cert.pem", "key.pem"])
        let second = try self.run("issue", folder, "operator", "ann", "--out", out)
        #expect(second.status == 1 && second.output.contains("key.pem exists"), "\(second.output)")
        #expect(try texts(out, ["cert.pem", "key.pem"]) == first)
        #expect(try self.run("issue", folder, "operator", "ann", "--force", "--out", out).status == 0)
        let third = try texts(out, ["cert.pem", "key.pem"])
        #expect(zip(first, third).allSatisfy { $0 != $1 })
        #expect(try self.mode(out + "/key.pem") == 0o600)
        // No part of a file is left behind.
        #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == ["ca.pem", "cert.pem", "key.pem"])
    }

    @Test(
        "errors name what is wrong",
        arguments: [
            (["unit", "a"], "give --host"), (["root", "a"], "\"root\" is not a role"),
            (["unit", "a/b", "--host", "10.0.0.7"], "\"a/b\" is not a name"),
            (["unit", "a", "--host", "a b"], "--host \"a b\" is neither"),
            (["unit", "a", "--host", "10.0.0.256"], "--host \"10.0.0.256\" is neither"),
            (["unit", "a", "--host", "*.example"], "--host \"*.example\" is neither"),
            (["shop", "a", "--hours", "0"], "--hours"), (["shop", "a", "--hours", "721"], "--hours"),
        ])
    func errorsNameWhatIsWrong(_ arguments: [String], _ reason: String) throws {
        let (folder, out) = (try self.made(), try TemporaryFolder.make() + "/out")
        let said = try TestCluster.run("tranche", ["ca", "issue", folder] + arguments + ["--out", out])
        #expect(said.status != 0 && said.output.contains(reason), "\(said.output)")
        #expect(!FileManager.default.fileExists(atPath: out))
    }

    @Test("a folder that holds no authority, half of one, or a broken one, is named")
    func brokenAuthoritiesAreNamed() throws {
        let (one, two, out) = (try self.made(), try self.made(), try TemporaryFolder.make() + "/out")
        func issue(_ folder: String) throws -> String {
            let said = try self.run("issue", folder, "shop", "a", "--out", out)
            #expect(said.status == 1, "\(said.output)")
            return said.output
        }
        #expect(try issue("/nowhere").contains("/nowhere/ca.pem cannot be read"))
        try FileManager.default.removeItem(atPath: one + "/ca.key")
        #expect(try issue(one).contains("ca.key cannot be read"))
        try FileManager.default.copyItem(atPath: two + "/ca.key", toPath: one + "/ca.key")
        #expect(try issue(one).contains("ca.key is not the key of ca.pem"))
        try Data("no PEM".utf8).write(to: URL(fileURLWithPath: one + "/ca.pem"))
        #expect(try issue(one).contains("ca.pem cannot be used"))
        let bad = try self.run("init", two + "x", "--domain", "Shop.example")
        #expect(bad.status == 1 && bad.output.contains("\"Shop.example\" is not a domain"), "\(bad.output)")
    }
}
