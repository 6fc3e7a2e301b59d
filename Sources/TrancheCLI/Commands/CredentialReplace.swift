import ArgumentParser
import DaemonSupport
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

extension CredentialCommand {
    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a new secret before the others of a file of secrets, and let those end.",
            discussion: """
                Processes with secrets.folder read the file again within a second. They accept the new secret at once,
                show it from the time that the file says, and refuse the others from the end that it says. Copy the
                file to all processes that have this secret before the first of these times. The table in
                docs/security.md says which do, and which secrets are replaced in another way: passwords, the gates'
                key, and what is derived from a key.
                """)
        @Argument(help: "The file, named like the secret's variable.") var file: String
        @Option(help: "A file with the new secret; a random one if not given.") var with: String?
        @Option(help: "Seconds until processes show it, or sign with it.") var shownAfter = 30
        @Option(help: "Seconds for which the others are accepted after that.") var overlap = 300

        func validate() throws {
            guard (0...86_400).contains(self.shownAfter) else {
                throw ValidationError("--shown-after \(self.shownAfter) is not in 0...86400")
            }
            guard (1...5_184_000).contains(self.overlap) else {
                throw ValidationError("--overlap \(self.overlap) is not in 1...5184000")
            }
        }

        func run() async throws {
            let url = URL(fileURLWithPath: self.file).standardizedFileURL
            let name = url.lastPathComponent
            let form = SecretForm(of: name)
            try self.check(name, form)
            let now = SystemClock.now()
            let from = now.milliseconds / 1_000 + Int64(self.shownAfter)
            let until = from + Int64(self.overlap)
            let fresh = try self.with.map { try Self.read($0).secrets[0].text } ?? Self.random(form)
            let list = try Self.read(self.file)
            let replaced: DatedSecrets
            do throws(SecretsError) {
                replaced = try list.replaced(by: fresh, shownFrom: from, othersUntil: until, now: now)
            } catch { throw CommandError("\(self.file) \(error)") }
            if form == .outbox { try self.checkWebhooks(list, replaced) }
            try KeptFiles(folder: url.deletingLastPathComponent().path).put([(name, replaced.text, true)], force: true)
            let format = ISO8601DateFormatter()
            func time(_ seconds: Int64) -> String { format.string(from: Date(timeIntervalSince1970: Double(seconds))) }
            Output.line("\(name): the new secret is shown from \(time(from)), and the others end at \(time(until))")
        }

        /// Refuses what this command would destroy: a new secret that nobody else has, or a list that nobody reads.
        private func check(_ name: String, _ form: SecretForm) throws {
            switch form {
            case .list, .outbox: break
            case .given(let reason):
                guard self.with != nil else {
                    throw CommandError("\(name) cannot be random, because \(reason): give the new one with --with FILE")
                }
            case .fixed(let reason):
                throw CommandError("\(name) \(reason): docs/security.md says how it is replaced")
            }
        }

        private func checkWebhooks(_ old: DatedSecrets, _ new: DatedSecrets) throws {
            guard WebhookSignature(secrets: old.secrets.map(\.text)) != nil else {
                throw CommandError(
                    "\(self.file) is no list of secrets of webhooks (\(WebhookSignature.rule)). The password of a stream is "
                        + "replaced in another way: docs/security.md says how")
            }
            guard WebhookSignature(secrets: new.secrets.map(\.text)) != nil else {
                throw CommandError(
                    "with the new secret \(self.file) would have \(new.secrets.count) secrets, and units take "
                        + "\(WebhookSignature.rule): wait for the end of the oldest one, or take it out of the file")
            }
        }

        private static func read(_ path: String) throws -> DatedSecrets {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandError("\(path) cannot be read")
            }
            do throws(SecretsError) { return try DatedSecrets(text: String(decoding: data, as: UTF8.self)) } catch {
                throw CommandError("\(path) \(error)")
            }
        }

        /// A random secret, as this form of secret needs it.
        private static func random(_ form: SecretForm) -> String {
            let words = (0..<4).map { _ in UInt64.random(in: 0...UInt64.max) }
            guard form == .outbox else { return words.map { Hex.text($0) }.joined() }
            let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
            return WebhookSignature.secretPrefix + Data(bytes).base64EncodedString()
        }
    }
}
