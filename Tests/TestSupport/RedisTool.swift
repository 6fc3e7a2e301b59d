import DaemonSupport
import Foundation

/// What tests ask a Redis, a Sentinel or a node of a cluster, by `redis-cli`.
package enum RedisTool {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    private static let folder = Result { try TemporaryFolder.make() }

    /// - Parameter password: That of the default user.
    /// - Returns: The words of the answer, one in each line.
    @discardableResult package static func ask(
        _ port: Int, _ words: [String], password: String? = nil
    ) throws -> [String] {
        try self.run(["-h", "127.0.0.1", "-p", "\(port)"] + words, password: password)
    }

    @discardableResult package static func run(_ arguments: [String], password: String? = nil) throws -> [String] {
        let log = try self.folder.get() + "/" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: log) }
        let process = try ChildProcess(
            "/usr/bin/redis-cli", arguments, environment: password.map { ["REDISCLI_AUTH": $0] } ?? [:], log: log)
        for _ in 0..<3_000 where process.isRunning { usleep(10_000) }
        process.crash()
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        // A line of INFO ends with two characters, which are one to Swift.
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init).dropLast(1)
    }

    /// Asks again and again until `condition` holds.
    package static func wait(for what: String, seconds: Int = 60, until condition: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !condition() {
            guard ContinuousClock.now < end else { throw Failure("still no \(what) after \(seconds) s") }
            usleep(20_000)
        }
    }
}
