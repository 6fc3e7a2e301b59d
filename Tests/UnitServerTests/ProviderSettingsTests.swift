import DaemonSupport
import Foundation
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// The settings of a unit's payment provider.
@Suite("Settings of the payment provider") struct ProviderSettingsTests {
    private func read(
        _ provider: String, secret: String? = String(repeating: "s", count: 32)
    ) async throws -> (settings: ProviderSettings, terms: ProviderTerms)? {
        let folder = try TemporaryFolder.make()
        if let secret { try Data(secret.utf8).write(to: URL(fileURLWithPath: folder + "/TRANCHE_PROVIDER_SECRET")) }
        let text = "secrets:\n  folder: \"\(folder)\"\n" + (provider.isEmpty ? "" : "provider:\n" + provider)
        let path = try TemporaryFolder.make() + "/unit.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try UnitConfiguration.provider(try await DaemonConfiguration(path: path))
    }

    private func refusal(_ provider: String, secret: String? = String(repeating: "s", count: 32)) async throws -> String
    {
        do {
            _ = try await self.read(provider, secret: secret)
            return "nothing was refused"
        } catch let error as StartError { return error.description }
    }

    @Test("without an address nobody is asked, and no secret is needed") func none() async throws {
        let none = try await self.read("", secret: nil)
        #expect(none?.settings.url == nil)
        #expect(try await self.refusal("  hold: 5000\n").contains("provider.hold is set, and provider.url is not"))
    }

    @Test("an address has usual times, and others may be set") func times() async throws {
        let usual = try #require(try await self.read("  url: \"https://pay.example/\"\n"))
        #expect(usual.settings.url == "https://pay.example")
        #expect((usual.terms.askLeadMilliseconds, usual.terms.holdUnknownMilliseconds) == (1_000, 900_000))
        let other = try #require(
            try await self.read("  url: \"https://pay.example\"\n  hold: 0\n  ask: 250\n  timeout: 30000\n"))
        #expect((other.terms.askLeadMilliseconds, other.terms.holdUnknownMilliseconds) == (250, 0))
        #expect(other.terms.answerMilliseconds > 2 * 30_000, "two calls fit into the time for an answer")
    }

    @Test("what cannot be used is refused at the start, by name and limit") func refusals() async throws {
        let cases: [(settings: String, secret: String?, words: String)] = [
            ("  url: \"http://pay.example\"\n", "s", "must begin with https://"),
            ("  url: \"ftp://pay.example\"\n  private: true\n", "s", "must begin with https://"),
            ("  url: \"https://user:pw@pay.example\"\n", "s", "TRANCHE_PROVIDER_SECRET"),
            ("  url: \"https://pay.example?key=1\"\n", "s", "TRANCHE_PROVIDER_SECRET"),
            ("  url: \"https://pay.example\"\n", nil, "TRANCHE_PROVIDER_SECRET is missing"),
            ("  url: \"https://pay.example\"\n  hold: 86400001\n", "s", "86400001"),
            ("  url: \"https://pay.example\"\n  concurrency: 0\n", "s", "provider.concurrency is \"0\""),
            ("  url: \"https://pay.example\"\n  timeout: 99\n", "s", "100...30000"),
        ]
        for one in cases {
            let secret = one.secret.map { _ in String(repeating: "s", count: 32) }
            let text = try await self.refusal(one.settings, secret: secret)
            #expect(text.contains(one.words), "\(one.settings): \(text)")
        }
    }
}
