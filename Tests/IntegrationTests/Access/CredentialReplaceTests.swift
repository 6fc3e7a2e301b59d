import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// The command that puts a new secret into a file.
@Suite("Replacing a secret by the command") struct CredentialReplaceTests {
    private let folder: String

    init() throws { self.folder = try TemporaryFolder.make() }

    private func write(_ name: String, _ text: String) throws -> String {
        let path = "\(self.folder)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func replace(_ path: String, _ options: String...) throws -> (status: Int32, output: String) {
        try TestCluster.run("tranche", ["credential", "replace", path] + options)
    }

    private func list(_ path: String) throws -> [DatedSecrets.Secret] {
        try DatedSecrets(text: String(contentsOfFile: path, encoding: .utf8)).secrets
    }

    @Test("what a random secret would destroy is refused, and stays as it is") func fixedSecretsAreRefused() throws {
        for (name, reason) in [
            ("TRANCHE_GATE_KEY", "read at the start"), ("TRANCHE_UNIT_SECRET", "TRANCHE_UNITS_KEY"),
            ("TRANCHE_CENTER_SECRET", "TRANCHE_UNITS_KEY"), ("TRANCHE_CONTEST_SECRET", "TRANCHE_CONTEST_KEY"),
            ("TRANCHE_OUTBOX_QUEUE_SECRET", "the password of a stream"),
        ] {
            let old = Secret.random()
            let path = try self.write(name, old)
            let said = try self.replace(path)
            #expect(said.status != 0, "\(name)")
            // The terminal may break lines.
            let words = said.output.split(whereSeparator: \.isWhitespace).joined(separator: " ").lowercased()
            #expect(words.contains(reason.lowercased()) && !words.contains(old), "\(said.output)")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == old, "\(name)")
        }
    }

    @Test("a secret that is derived from a key is given to the command") func derivedSecretIsGiven() throws {
        let (old, new) = (Secret.random(), Secret.random())
        let path = try self.write("TRANCHE_UNIT_SECRET", old)
        let said = try self.replace(path, "--with", try self.write("derived", new))
        #expect(said.status == 0, "\(said.output)")
        #expect(try self.list(path).map(\.text) == [new, old])
    }

    @Test("a secret of webhooks keeps its form, and a third one is refused") func webhookSecretKeepsItsForm() throws {
        let old = "whsec_" + Data(repeating: 3, count: 32).base64EncodedString()
        let path = try self.write("TRANCHE_OUTBOX_SHOP_SECRET", old)
        let wrong = try self.replace(path, "--with", try self.write("no-form", Secret.random()))
        #expect(wrong.status != 0, "units would refuse it")
        #expect(try self.list(path).map(\.text) == [old])
        let first = try self.replace(path, "--shown-after", "0")
        #expect(first.status == 0, "\(first.output)")
        let list = try self.list(path).map(\.text)
        #expect(list.count == 2 && list[1] == old && WebhookSignature(secrets: list) != nil)
        #expect(try self.replace(path).status != 0, "units would refuse three")
        #expect(try self.list(path).map(\.text) == list)
    }

    @Test("a theft while a replacement is under way: the old secret ends at once") func theftDuringReplacement() throws
    {
        let old = Secret.random()
        let path = try self.write("TRANCHE_SHOP_SECRET", old)
        #expect(try self.replace(path, "--shown-after", "86400").status == 0)
        let pending = try self.list(path)[0].text
        let said = try self.replace(path, "--shown-after", "0", "--overlap", "1")
        #expect(said.status == 0, "\(said.output)")
        let list = try self.list(path)
        try #require(list.count == 2)
        let (from, until) = (try #require(list[0].shownFrom), try #require(list[1].acceptedUntil))
        #expect(list[1].text == old && until - from == 1 && list[0].text != pending)
    }

    @Test(
        "the new file belongs to the user of the old one",
        .enabled(if: geteuid() == 0, "only root may give a file to another user"))
    func ownerIsKept() throws {
        let path = try self.write("TRANCHE_SHOP_SECRET", Secret.random())
        try #require(chown(path, 12_345, 12_346) == 0)
        #expect(try self.replace(path).status == 0)
        let found = try FileManager.default.attributesOfItem(atPath: path)
        func number(_ key: FileAttributeKey) -> Int? { (found[key] as? NSNumber)?.intValue }
        #expect(number(.ownerAccountID) == 12_345 && number(.groupOwnerAccountID) == 12_346)
        #expect(number(.posixPermissions) == 0o600)
        #expect(try self.list(path).count == 2)
    }
}
