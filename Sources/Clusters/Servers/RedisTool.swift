import DaemonSupport
import Foundation
import Terminal

/// What an operator asks a Redis, a Sentinel or a node of a cluster, by `redis-cli`. Its calls block.
package enum RedisTool {
    /// - Parameters:
    ///   - password: That of the default user.
    ///   - folder: For the answer's file, which only this process can read and which is removed; `nil`: a new one.
    /// - Returns: The words of the answer, one in each line.
    @discardableResult package static func ask(
        _ port: Int, _ words: [String], password: String? = nil, in folder: String? = nil
    ) throws -> [String] {
        try self.run(["-h", "127.0.0.1", "-p", "\(port)"] + words, password: password, in: folder)
    }

    @discardableResult package static func run(
        _ arguments: [String], password: String? = nil, in given: String? = nil
    ) throws -> [String] {
        let folder = try given ?? PrivateFolder.make("tranche-redis")
        let log = "\(folder)/\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: given == nil ? folder : log) }
        let process = try ChildProcess(
            LocalCluster.find("redis-cli"), arguments,
            environment: password.map { ["REDISCLI_AUTH": $0] } ?? [:], log: log)
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
            guard ContinuousClock.now < end else { throw CommandError("still no \(what) after \(seconds) s") }
            usleep(20_000)
        }
    }
}
