import Clusters
import DaemonSupport
import Dispatch
import Foundation

/// Runs a long command as a child process, so that the parent can report how the command ended.
enum Supervision {
    private static let variable = "TRANCHE_SUPERVISED"
    /// Commands with a crowd and a cluster, whose crash must be reported.
    private static let commands: Set = ["demo", "rehearse"]

    /// - Returns: The exit code of the supervised command; `nil` if this process must run the command itself.
    static func run() -> Int32? {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let environment = ProcessInfo.processInfo.environment
        guard let command = arguments.first, self.commands.contains(command), environment[self.variable] == nil,
            !arguments.contains("--help"), !arguments.contains("-h")
        else { return nil }
        guard let folder = try? PrivateFolder.make("tranche-backtraces") else { return nil }
        // The folder is removed if it is empty, and a backtrace stays.
        defer { rmdir(folder) }
        let additions = Backtraces.environment(folder: folder).merging([self.variable: "1"]) { $1 }
        guard
            let child = try? ChildProcess(
                "/proc/self/exe", arguments, environment: environment.merging(additions) { $1 }, log: nil,
                deathSignal: SIGKILL)
        else { return nil }
        // The terminal sends Ctrl-C to both processes: the child stops its cluster, and this process waits for it.
        let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { if number != SIGINT || isatty(STDIN_FILENO) == 0 { child.send(number) } }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        let code = child.wait()
        if let ending = child.ending, case .killed = ending {
            let backtrace = Backtraces.find(folder: folder, pid: child.pid)
            FileHandle.standardError.write(
                Data(
                    ("error: tranche \(command) (process \(child.pid)) \(ending)\(Backtraces.hint(backtrace, ending)); "
                        + "its cluster has ended with it\n").utf8))
        }
        return code
    }
}
