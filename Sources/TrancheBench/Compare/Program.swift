import Clusters
import DaemonSupport
import Foundation
import Terminal

/// Runs a program to its end and returns its output.
enum Program {
    static func output(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let folder = try PrivateFolder.make("tranche-program")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = folder + "/log"
        let process = try ChildProcess(
            name.hasPrefix("/") ? name : try LocalCluster.find(name), arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, log: log)
        let code = process.wait()
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        guard code == 0 else { throw CommandError("\(name) ended with \(code): \(text.suffix(400))") }
        return text
    }

    /// The first line of a program's version output.
    static func version(_ name: String, _ argument: String = "--version") -> String {
        let text = (try? self.output(name, [argument])) ?? "not found"
        return text.split(separator: "\n").first.map(String.init) ?? "not found"
    }
}
