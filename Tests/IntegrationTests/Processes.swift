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
            let runsAsItself = words.hasPrefix("/proc/self/exe\0") && self.name(pid) == program
            return (runs || runsAsItself) && words.contains(mark)
        }
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
