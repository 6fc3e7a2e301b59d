import Clusters
import DaemonSupport
import Dispatch
import Foundation

/// Runs a long command as a child of itself, so that somebody is left who can say how the command died.
enum Supervision {
    private static let variable = "TRANCHE_SUPERVISED"
    /// Commands that carry a crowd and a cluster: a crash of one must not pass for a silence.
    private static let commands: Set = ["demo", "rehearse"]

    /// - Returns: The exit code of the supervised command; `nil` if this process is to do the work itself.
    static func run() -> Int32? {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let environment = ProcessInfo.processInfo.environment
        guard let command = arguments.first, self.commands.contains(command), environment[self.variable] == nil,
            !arguments.contains("--help"), !arguments.contains("-h")
        else { return nil }
        guard let folder = try? PrivateFolder.make("tranche-backtraces") else { return nil }
        // A backtrace stays, and an empty folder does not.
        defer { rmdir(folder) }
        let additions = Backtraces.environment(folder: folder).merging([self.variable: "1"]) { $1 }
        guard
            let child = try? ChildProcess(
                "/proc/self/exe", arguments, environment: environment.merging(additions) { $1 }, log: nil,
                deathSignal: SIGKILL)
        else { return nil }
        // Ctrl-C reaches both of us by the terminal; the child stops its cluster, and this process waits for that.
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
