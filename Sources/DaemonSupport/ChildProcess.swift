import CSpawn
import Foundation
import NIOConcurrencyHelpers
import Threads

/// A child process. It ends at the latest when this process ends, also if this process is killed.
///
/// `Foundation.Process` is not used for two reasons. Its children inherit the signal mask of the thread that starts
/// them, which can block SIGTERM, and they outlive a killed parent.
package final class ChildProcess: Sendable {
    /// How a process ended.
    package enum Ending: Hashable, Sendable, CustomStringConvertible {
        case exited(code: Int32)
        case killed(signal: Int32)

        package var description: String {
            switch self {
            case .exited(let code): "ended with exit code \(code)"
            case .killed(let signal): "was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        }
    }

    package let pid: Int32
    private struct State {
        var hasEnded = false
        var status: Int32 = 0
    }
    private let state = NIOLockedValueBox(State())

    /// - Parameters:
    ///   - log: Standard output and error are appended to this file; `nil`: the child shares the terminal of this
    ///     process.
    ///   - deathSignal: The signal that the kernel sends to the child when this process ends. A program with its own
    ///     children needs a signal that it can catch.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String], log: String?,
        deathSignal: Int32 = SIGKILL
    ) throws {
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        let pid = Spawner.shared.run { cspawn(path, argv, envp, log, deathSignal) }
        guard pid > 0 else {
            let reason = String(cString: strerror(-pid))
            throw StartError("\(path) cannot be started\(log.map { " with the log \($0)" } ?? ""): \(reason)")
        }
        self.pid = pid
    }

    package var isRunning: Bool {
        self.state.withLockedValue { state in
            if state.hasEnded { return false }
            if waitpid(self.pid, &state.status, WNOHANG) != 0 { state.hasEnded = true }
            return !state.hasEnded
        }
    }

    /// How the child ended; `nil` while it runs.
    package var ending: Ending? {
        guard !self.isRunning else { return nil }
        let status = self.state.withLockedValue { $0.status }
        let signal = status & 0x7F
        return signal == 0 ? .exited(code: status >> 8 & 0xFF) : .killed(signal: signal)
    }

    /// Waits for the child's end.
    ///
    /// - Returns: Its exit code, or 128 plus the signal that ended it.
    package func wait() -> Int32 {
        while true {
            switch self.ending {
            case .exited(let code): return code
            case .killed(let signal): return 128 + signal
            case nil: usleep(2_000)
            }
        }
    }

    package func send(_ signal: Int32) { if self.isRunning { kill(self.pid, signal) } }

    /// Kills the child with SIGKILL, which has the effect of a crash.
    package func crash() {
        self.send(SIGKILL)
        _ = self.wait()  // Returns soon: SIGKILL cannot be caught.
    }
}

/// The thread that starts all children of this process. The kernel sends the death signal when this thread ends, so the
/// thread runs as long as the process.
private final class Spawner: Sendable {
    static let shared = Spawner()

    private struct Job: @unchecked Sendable {  // The thread that posts it waits until it is done.
        let body: () -> Int32
        let reply = Mailbox<Int32>()
    }
    private let jobs = Mailbox<Job>()  // Bounded: one for each thread that waits.

    private init() {
        OwnedThread.start("spawner") { [jobs] in
            while true {
                for job in jobs.takeAll() { job.reply.post(job.body()) }
            }
        }
    }

    /// Runs `body` on the thread, and waits for its result.
    func run(_ body: @escaping () -> Int32) -> Int32 {
        let job = Job(body: body)
        self.jobs.post(job)
        return job.reply.takeAll()[0]
    }
}
