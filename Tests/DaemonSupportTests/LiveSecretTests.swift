import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
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

    /// What a test sets, and a secret asks.
    private final class Moment: Sendable {
        private let seconds: NIOLockedValueBox<Int64>
        init(_ seconds: Int64) { self.seconds = NIOLockedValueBox(seconds) }
        func set(_ seconds: Int64) { self.seconds.withLockedValue { $0 = seconds } }
        @Sendable func now() -> Instant { Instant(milliseconds: self.seconds.withLockedValue { $0 } * 1_000) }
    }

    @Test("what begins and ends by the clock does so without a new file, and what was made of it is made anew")
    func timesPass() async throws {
        try self.put("\(Self.new) from=100\n\(Self.old) until=200\n")
        let moment = Moment(99)
        let secret = try await self.configuration().liveSecret(Self.key, clock: moment.now)
        let joined = secret.derive { $0.joined(separator: "+") }
        for (seconds, accepted) in [
            (Int64(99), [Self.old, Self.new]), (100, [Self.new, Self.old]), (199, [Self.new, Self.old]),
            (200, [Self.new]),
        ] {
            moment.set(seconds)
            #expect(secret.look() == .unchanged)
            #expect(secret.accepted == accepted && secret.shown == accepted[0], "at \(seconds)")
            #expect(joined.current == accepted.joined(separator: "+"), "at \(seconds)")
        }
    }

    @Test("a clock that is set back lets nothing count again that has ended") func endedSecretsStayEnded() async throws
    {
        let list = "\(Self.new) from=100\n\(Self.old) until=200\n"
        try self.put(list)
        let moment = Moment(150)
        let secret = try await self.configuration().liveSecret(Self.key, clock: moment.now)
        moment.set(200)
        #expect(secret.look() == .unchanged && secret.accepted == [Self.new])
        moment.set(50)
        #expect(secret.look() == .unchanged && secret.accepted == [Self.new])
        try self.put(list + "\n")
        #expect(self.settled(secret) == .replaced)
        #expect(secret.accepted == [Self.new], "the same list once more")
        try self.put("\(Self.new)\n\(Self.old)\n")
        #expect(self.settled(secret) == .replaced)
        #expect(secret.accepted == [Self.new, Self.old], "an operator's word")
    }

    @Test("a file that could not be read is tried again, though it does not change; its reason is told once")
    func unreadableFileIsTriedAgain() async throws {
        try self.put(Self.old)
        let isReadable = NIOLockedValueBox(false)
        let secret = try await self.configuration().liveSecret(
            Self.key,
            contents: { path in
                isReadable.withLockedValue { $0 } ? FileManager.default.contents(atPath: path) : nil
            })
        try self.put("\(Self.new)\n\(Self.old)\n")
        #expect(self.settled(secret) == .refused("\(self.path) cannot be read"))
        #expect(secret.look() == .unchanged && secret.look() == .unchanged && secret.refusal != nil)
        #expect(secret.accepted == [Self.old])
        isReadable.withLockedValue { $0 = true }
        #expect(secret.look() == .replaced)
        #expect(secret.accepted == [Self.new, Self.old] && secret.refusal == nil)
        #expect(secret.look() == .unchanged)
    }

    @Test("a change of the mode is a change, though size and time of the content stay")
    func modeIsLookedAt() async throws {
        let then = Date(timeIntervalSince1970: 1_700_000_000)
        func write(_ text: String, mode: Int) throws {
            if !FileManager.default.fileExists(atPath: self.path) { try self.put("") }
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: self.path))  // In its place: the inode stays.
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
            try FileManager.default.setAttributes(
                [.modificationDate: then, .posixPermissions: mode], ofItemAtPath: self.path)
        }
        try write(Self.old, mode: 0o600)
        let secret = try await self.configuration().liveSecret(Self.key)
        try write(Self.new, mode: 0o640)
        #expect(self.settled(secret) == .replaced)
        #expect(secret.accepted == [Self.new])
    }

    @Test("a list that is read once has no times") func timesNeedAWatch() async throws {
        try self.put("\(Self.new)\n\(Self.old)\n")
        let values = try await self.configuration()
        #expect(try values.secrets(Self.key) == [Self.new, Self.old])
        for list in ["\(Self.new)\n\(Self.old) until=200\n", "\(Self.new) from=100\n\(Self.old)\n"] {
            try self.put(list)
            let error = #expect(throws: StartError.self) { try values.secrets(Self.key) }
            #expect(error?.description.contains("\(Self.variable) has from= or until=") == true)
            #expect(try values.list(Self.key).secrets.count == 2)
        }
    }

    @Test("a bad file takes no good one's place, and its reason is told once") func badFileIsNotTaken() async throws {
        try self.put(Self.old)
        let secret = try await self.configuration().liveSecret(
            Self.key, check: { $0.contains(Self.new) ? "not this one" : nil })
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
