import Foundation

/// A process that this one started, and ends.
///
/// Not `Foundation.Process`: its children inherit the signal mask of whatever thread starts them, and then never hear
/// SIGTERM.
package final class ChildProcess: @unchecked Sendable {  // `status` is guarded by the lock.
    package let pid: Int32
    private let lock = NSLock()
    private var hasEnded = false
    private var status: Int32 = 0

    /// - Parameter log: Standard output and error are appended to this file.
    package init(_ path: String, _ arguments: [String], environment: [String: String], log: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A group of its own: Ctrl-C reaches the parent alone, which then stops its children in order.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A thread of a pool blocks all signals; a child that inherits this would never hear SIGTERM.
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, &attributes, argv, envp)
        guard code == 0 else { throw StartError("\(path) cannot be started: \(String(cString: strerror(code)))") }
        self.pid = pid
    }

    package var isRunning: Bool {
        self.lock.withLock {
            if self.hasEnded { return false }
            if waitpid(self.pid, &self.status, WNOHANG) != 0 { self.hasEnded = true }
            return !self.hasEnded
        }
    }

    /// Waits for its end.
    ///
    /// - Returns: Its exit code, or 128 and the signal that ended it.
    package func wait() -> Int32 {
        while self.isRunning { usleep(2_000) }
        return self.lock.withLock { self.status & 0x7F == 0 ? self.status >> 8 & 0xFF : 128 + self.status & 0x7F }
    }

    package func send(_ signal: Int32) { if self.isRunning { kill(self.pid, signal) } }

    /// Ends it at once, as a crash would.
    package func crash() {
        self.send(SIGKILL)
        _ = self.wait()  // SIGKILL cannot be refused.
    }
}
