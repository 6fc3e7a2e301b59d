import DaemonSupport
import Foundation

/// Processes of this machine, as /proc shows them.
enum Processes {
    /// Those that run `program` and have `mark` in their command line.
    static func running(_ program: String, with mark: String) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let words = String(decoding: line, as: UTF8.self)
            // Redis writes its command line anew, with blanks; a supervised command runs as /proc/self/exe.
            let runs = words.contains("/\(program)\0") || words.contains("/\(program) ")
            return words.contains(mark) && (runs || self.name(pid) == program)
        }
    }

    /// Whether a process has a child of this name that it has not waited for yet.
    static func hasChild(_ name: String, of parent: pid_t) -> Bool {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
        return tasks.contains { task in
            let list = FileManager.default.contents(atPath: "/proc/\(parent)/task/\(task)/children") ?? Data()
            return String(decoding: list, as: UTF8.self).split(separator: " ").contains { child in
                let comm = FileManager.default.contents(atPath: "/proc/\(child)/comm") ?? Data()
                return String(decoding: comm, as: UTF8.self).hasPrefix(name)
            }
        }
    }

    /// Waits for the end of a process, and returns its status. One that should end by itself, and does not, fails its test
    /// instead of hanging it.
    static func end(of process: ChildProcess, seconds: Int) -> Int32 {
        let end = ContinuousClock.now + .seconds(seconds)
        while process.isRunning, ContinuousClock.now < end { usleep(5_000) }
        process.crash()
        return process.wait()
    }

    /// The file that a process runs.
    private static func name(_ pid: pid_t) -> String? {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")).map {
            URL(fileURLWithPath: $0).lastPathComponent
        }
    }
}

/// Asks again and again until `condition` holds; fails its test after so many seconds.
func eventually(_ what: String, seconds: Int = 20, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TestFailure("still no \(what) after \(seconds) s") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
