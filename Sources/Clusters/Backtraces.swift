package import DaemonSupport
import Foundation

/// Backtraces of crashed Swift processes, in one folder with one file for each.
package enum Backtraces {
    private static let variable = "SWIFT_BACKTRACE"

    /// Makes the Swift runtime of a child write a backtrace into `folder` when it crashes. The user's own settings take
    /// precedence.
    package static func environment(folder: String) -> [String: String] {
        if let own = ProcessInfo.processInfo.environment[self.variable] { return [self.variable: own] }
        return [self.variable: "enable=yes,color=no,interactive=no,output-to=\(folder)"]
    }

    /// The path of a process's backtrace; `nil` if there is none.
    package static func find(folder: String, pid: Int32) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().last { $0.contains("-\(pid)-") }.map { "\(folder)/\($0)" }
    }

    package static func hint(_ path: String?, _ ending: ChildProcess.Ending) -> String {
        if let path { return "; backtrace: \(path)" }
        guard case .killed(let signal) = ending, [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGTRAP, SIGFPE].contains(signal)
        else { return "" }
        return "; no backtrace was written (swift-backtrace of the toolchain writes it)"
    }
}
