import DaemonSupport
import Foundation
import Testing
import TrancheCore

@Suite("Secrets in files") final class LiveSecretTests {
    private static let key = "tranche.test.secret"
    private static let variable = "TRANCHE_TEST_SECRET"
    private static let old = String(repeating: "o", count: 32)
    private static let new = String(repeating: "n", count: 32)

    private let folder: String
    private var path: String { "\(self.folder)/\(Self.variable)" }

    init() throws { self.folder = try PrivateFolder.make("tranche-secrets") }

    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    /// Replaces a file as an operator does, at once.
    private func put(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.path), options: .atomic)
    }

    private func configuration() async throws -> DaemonConfiguration {
        let settings = try PrivateFolder.make("tranche-settings")
        defer { try? FileManager.default.removeItem(atPath: settings) }
        try Data("secrets:\n  folder: \"\(self.folder)\"\n".utf8).write(
            to: URL(fileURLWithPath: settings + "/daemon.yaml"))
        return try await DaemonConfiguration(path: settings + "/daemon.yaml")
    }

    /// What the second look says: the first one only sees that something has changed.
    private func settled(_ secret: LiveSecret) -> LiveSecret.Look {
        #expect(secret.look() == .unchanged)
        return secret.look()
    }

    @Test("a new list is taken when its file has stopped changing, and what was made of the old one is made anew")
    func newListIsTaken() async throws {
        try self.put(Self.old + "\n")
        let secret = try await self.configuration().liveSecret(Self.key)
        let count = secret.derive { $0.joined(separator: "+") }
        #expect((secret.shown, secret.accepted, count.current) == (Self.old, [Self.old], Self.old))
        #expect(secret.look() == .unchanged && secret.look() == .unchanged)
        try self.put("\(Self.new)\n\(Self.old)\n")
        #expect(self.settled(secret) == .replaced)
        #expect(secret.shown == Self.new && secret.accepted == [Self.new, Self.old])
        #expect(count.current == "\(Self.new)+\(Self.old)")
        #expect(secret.look() == .unchanged)
    }

    @Test("what begins and ends by the clock does so without a new file") func timesPass() async throws {
        let now = SystemClock.now().milliseconds / 1_000
        try self.put("\(Self.new) from=\(now - 10)\n\(Self.old) until=\(now + 3_600)\n")
        let secret = try await self.configuration().liveSecret(Self.key)
        #expect(secret.accepted == [Self.new, Self.old])
        try self.put("\(Self.new) from=\(now - 10)\n\(Self.old) until=\(now)\n")
        #expect(self.settled(secret) == .replaced)
        #expect(secret.accepted == [Self.new])
    }

    @Test("a bad file takes no good one's place, and its reason is told once") func badFileIsNotTaken() async throws {
        try self.put(Self.old)
        let secret = try await self.configuration().liveSecret(Self.key) {
            $0.contains(Self.new) ? "not this one" : nil
        }
        for bad in ["short", "", "\(Self.old) until=1", Self.new] {
            try self.put(bad)
            guard case .refused(let reason) = self.settled(secret) else {
                Issue.record("\(bad.count) characters were taken")
                continue
            }
            #expect(secret.refusal == reason && !reason.contains(Self.new) && !reason.contains(Self.old))
            #expect(secret.look() == .unchanged && secret.accepted == [Self.old])
        }
        try FileManager.default.removeItem(atPath: self.path)
        #expect(self.settled(secret) == .refused("\(self.path) cannot be read"))
        try self.put(Self.old + "\n")
        #expect(self.settled(secret) == .replaced)
        #expect(secret.refusal == nil)
    }

    @Test("without its file a secret comes from the environment, and without both there is no start")
    func missingSecretIsNoStart() async throws {
        let values = try await self.configuration()
        #expect(throws: StartError.self) { try values.liveSecret(Self.key) }
        try self.put("too short")
        let again = try await self.configuration()
        #expect(throws: StartError.self) { try again.liveSecret(Self.key) }
    }

    @Test("a password is read from its file each time that it is needed") func passwordIsReadAgain() async throws {
        try self.put("first, with a comma\n")
        let values = try await self.configuration()
        #expect(values.optionalSecret(Self.key) == "first, with a comma")
        try self.put("second\n")
        #expect(values.optionalSecret(Self.key) == "second")
    }
}
