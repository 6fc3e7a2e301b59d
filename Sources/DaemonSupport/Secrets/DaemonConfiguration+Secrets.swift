import Foundation
package import Logging
import NIOConcurrencyHelpers
package import TrancheCore

/// All secrets of one process that may change while it runs.
final class SecretRegister: Sendable {
    private let all = NIOLockedValueBox<[LiveSecret]>([])

    var secrets: [LiveSecret] { self.all.withLockedValue { $0 } }

    func add(_ secret: LiveSecret) { self.all.withLockedValue { $0.append(secret) } }
}

// Secrets come from the folder that `secrets.folder` names, each in a file with the name of its variable, or else from the
// environment. There are no defaults.

extension DaemonConfiguration {
    /// Secrets in a list, the newest first. They are read once, and so a list with times is refused: nobody would obey
    /// them.
    package func secrets(_ key: String) throws(StartError) -> [String] {
        let list = try self.list(key)
        guard !list.hasTimes else {
            throw StartError(
                "\(Self.variable(key)) has from= or until=, but is read at the start alone: list the secrets without times"
            )
        }
        return list.secrets.map(\.text)
    }

    /// A list of secrets, as it is now.
    package func list(_ key: String) throws(StartError) -> DatedSecrets { try Self.list(try self.secret(key), key) }

    /// Secrets in a list, the newest first, for as long as this process runs.
    ///
    /// - Parameters:
    ///   - shortestBytes: Of one secret.
    ///   - clock: By which secrets begin and end.
    ///   - contents: Reads the file again.
    ///   - check: Why a list cannot be used, beyond what each list must be; `nil` if it can.
    package func liveSecret(
        _ key: String, shortestBytes: Int = DatedSecrets.shortestBytes,
        clock: @escaping @Sendable () -> Instant = SystemClock.now,
        contents: @escaping LiveSecret.Contents = { FileManager.default.contents(atPath: $0) },
        check: @escaping @Sendable ([String]) -> String? = { _ in nil }
    ) throws(StartError) -> LiveSecret {
        let parse: LiveSecret.Reading = { text in
            do throws(StartError) {
                let list = try Self.list(text, key, shortestBytes: shortestBytes)
                if let reason = check(list.secrets.map(\.text)) { throw StartError(reason) }
                return .success(list)
            } catch { return .failure(error) }
        }
        let path = self.secretFile(key)
        let read = path.map(FileState.of) ?? .missing
        let text = try self.secret(key, shortestBytes: shortestBytes)
        let secret = LiveSecret(
            Self.variable(key), try parse(text).get(), path: path, read: read, clock: clock, contents: contents,
            parse: parse)
        self.register.add(secret)
        return secret
    }

    /// In place of a secret that is not there, and need not be.
    func noSecret(_ key: String) -> LiveSecret {
        LiveSecret(Self.variable(key), nil) { _ in .failure(StartError("\(Self.variable(key)) is not used")) }
    }

    /// The service that keeps the secrets fresh which were asked for until now.
    package func secretWatch(_ telemetry: Telemetry, _ logger: Logger) -> SecretWatch {
        SecretWatch(self.register.secrets, telemetry: telemetry, logger: logger)
    }

    /// An optional secret: what its file has now, or the environment.
    package func optionalSecret(_ key: String) -> String? {
        let text: String?
        if let file = self.secretFile(key) {
            text = FileManager.default.contents(atPath: file).map {
                String(decoding: $0.prefix(DatedSecrets.textBytes + 1), as: UTF8.self)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
        } else {
            text = ProcessInfo.processInfo.environment[Self.variable(key)]
        }
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A secret. There is no default: without it the process does not start.
    package func secret(_ key: String, shortestBytes: Int = DatedSecrets.shortestBytes) throws(StartError) -> String {
        let variable = Self.variable(key)
        guard let value = self.optionalSecret(key) else {
            throw StartError("the secret \(variable) is missing: set it to at least \(shortestBytes) random characters")
        }
        guard value.utf8.count >= shortestBytes else {
            throw StartError(
                "the secret \(variable) has \(value.utf8.count) bytes, but needs at least \(shortestBytes)")
        }
        return value
    }

    private static func list(
        _ text: String, _ key: String, shortestBytes: Int = DatedSecrets.shortestBytes
    ) throws(StartError) -> DatedSecrets {
        do throws(SecretsError) { return try DatedSecrets(text: text, shortestBytes: shortestBytes) } catch {
            throw StartError("\(self.variable(key)) \(error)")
        }
    }

    /// The file of a secret, if secrets are in files and there was one at the start: a file that is gone later is refused,
    /// and does not bring back what the environment has.
    private func secretFile(_ key: String) -> String? {
        guard !self.secretsFolder.isEmpty else { return nil }
        let path = "\(self.secretsFolder)/\(Self.variable(key))"
        return self.filesAtStart.contains(path) ? path : nil
    }
}
