package import DaemonSupport
import Foundation

/// A redis-server of one test, on a socket in a temporary folder.
package final class PrivateRedis {
    package let folder: String
    package var socket: String { self.folder + "/r.sock" }
    private let settings: [String]
    private var process: ChildProcess?

    /// - Parameter settings: Further arguments of redis-server.
    package init(settings: [String] = []) throws {
        self.settings = settings
        self.folder = try TemporaryFolder.make()
        try self.start()
    }

    deinit {
        self.kill()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    package func kill() { self.process?.crash() }

    /// Starts another one at the same address, and returns the first one, which lives on behind its open connections.
    package func startAnother() throws -> ChildProcess {
        guard let first = self.process else { throw POSIXError(.ESRCH) }
        try self.start()
        return first
    }

    /// Starts it, empty, and waits until it listens.
    package func start() throws {
        try? FileManager.default.removeItem(atPath: self.socket)
        self.process = try ChildProcess(
            "/usr/bin/redis-server",
            [
                "--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", "", "--appendonly", "no",
            ] + self.settings, environment: [:], log: self.folder + "/log")
        for _ in 0..<500 where !FileManager.default.fileExists(atPath: self.socket) { usleep(10_000) }
    }
}

package enum TemporaryFolder {
    private static let lock = NSLock()
    // Guarded by `lock`; read once more when the process ends.
    private nonisolated(unsafe) static var made: [String] = []

    /// A new folder with a short path, because a socket's path has at most 107 bytes. It is deleted when the process
    /// ends.
    package static func make() throws -> String {
        let path = try PrivateFolder.make("tranche")
        self.lock.withLock {
            if self.made.isEmpty { atexit { TemporaryFolder.removeAll() } }
            self.made.append(path)
        }
        return path
    }

    private static func removeAll() {
        for path in self.lock.withLock({ self.made }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
