import Configuration
import Foundation
import SystemPackage

/// Values from a YAML file. An environment variable overrides the file: `PUBLIC_PORT` overrides `public.port`.
package struct DaemonConfiguration: Sendable {
    private let reader: ConfigReader
    /// A folder with a file for each secret; empty: secrets come from the environment.
    let secretsFolder: String
    /// The paths of the files that were in it at the start.
    let filesAtStart: Set<String>
    let register = SecretRegister()

    /// - Parameter path: The YAML file, or `nil` to read the environment alone.
    package init(path: String?) async throws(StartError) {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider()]
        if let path {
            do { providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))) } catch {
                throw StartError("\(path): \(error)")
            }
        }
        self.reader = ConfigReader(providers: providers)
        let folder = self.reader.string(forKey: "secrets.folder") ?? ""
        self.secretsFolder = folder
        guard !folder.isEmpty else {
            self.filesAtStart = []
            return
        }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw StartError("secrets.folder is \"\(folder)\", which cannot be read")
        }
        self.filesAtStart = Set(names.map { "\(folder)/\($0)" })
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

    static func variable(_ key: String) -> String { key.replacing(".", with: "_").uppercased() }
}
