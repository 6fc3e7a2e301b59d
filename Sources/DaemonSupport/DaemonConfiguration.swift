import Configuration
import Foundation
import SystemPackage

/// Values from a YAML file. An environment variable overrides the file: `PUBLIC_PORT` overrides `public.port`.
package struct DaemonConfiguration: Sendable {
    /// The minimum length of a secret, in bytes.
    package static let secretBytes = 32
    /// The maximum number of valid secrets of one kind.
    package static let secretsLimit = 8
    private let reader: ConfigReader

    /// - Parameter path: The YAML file, or `nil` to read the environment alone.
    package init(path: String?) async throws(StartError) {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider()]
        if let path {
            do { providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))) } catch {
                throw StartError("\(path): \(error)")
            }
        }
        self.reader = ConfigReader(providers: providers)
    }

    package func string(_ key: String) throws(StartError) -> String {
        guard let value = self.reader.string(forKey: ConfigKey(key)), !value.isEmpty else {
            throw StartError("\(key) is missing: set it in the configuration file, or as \(Self.variable(key))")
        }
        return value
    }

    package func string(_ key: String, default value: String) -> String {
        self.reader.string(forKey: ConfigKey(key)) ?? value
    }

    package func number(_ key: String, in range: ClosedRange<Int>, default value: Int? = nil) throws(StartError) -> Int
    {
        guard
            let text = self.reader.string(forKey: ConfigKey(key))
                ?? self.reader.int(forKey: ConfigKey(key)).map(String.init)
        else {
            if let value { return value }
            throw StartError("\(key) is missing: set it in the configuration file, or as \(Self.variable(key))")
        }
        guard let number = Int(text), range.contains(number) else {
            throw StartError("\(key) is \"\(text)\", but must be a number in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    /// A value of `true` or `false`; `false` if it is missing.
    package func flag(_ key: String) throws(StartError) -> Bool {
        if let value = self.reader.bool(forKey: ConfigKey(key)) { return value }
        switch self.reader.string(forKey: ConfigKey(key)) {
        case nil, "", "false": return false
        case "true": return true
        case let text?: throw StartError("\(key) is \"\(text)\", but must be true or false")
        }
    }

    /// Secrets separated by commas, the newest first. A caller sends the first one, and a server accepts each of them,
    /// so that a new one can be introduced before the old one is removed.
    package func secrets(_ key: String) throws(StartError) -> [String] {
        let all = try self.secret(key).split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard all.count <= Self.secretsLimit else {
            throw StartError("\(Self.variable(key)) lists \(all.count) secrets, at most \(Self.secretsLimit)")
        }
        for (place, one) in all.enumerated() where one.utf8.count < Self.secretBytes {
            throw StartError(
                "secret \(place + 1) of the list in \(Self.variable(key)) has \(one.utf8.count) bytes, "
                    + "but needs at least \(Self.secretBytes)")
        }
        return all
    }

    /// An optional secret.
    package func optionalSecret(_ key: String) -> String? {
        ProcessInfo.processInfo.environment[Self.variable(key)].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A secret, from the environment only. There is no default: without it the process does not start.
    package func secret(_ key: String) throws(StartError) -> String {
        let variable = Self.variable(key)
        guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
            throw StartError(
                "the secret \(variable) is missing: set it to at least \(Self.secretBytes) random characters")
        }
        guard value.utf8.count >= Self.secretBytes else {
            throw StartError(
                "the secret \(variable) has \(value.utf8.count) bytes, but needs at least \(Self.secretBytes)")
        }
        return value
    }

    private static func variable(_ key: String) -> String { key.replacing(".", with: "_").uppercased() }
}
