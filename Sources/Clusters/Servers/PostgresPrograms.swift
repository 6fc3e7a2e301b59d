import DaemonSupport
import Foundation
import Terminal

/// The programs of the PostgreSQL on this machine. PostgreSQL refuses to run as root: for root they run as the user
/// `postgres`.
enum PostgresPrograms {
    private static let root = "/usr/lib/postgresql"
    private static let user = "postgres"
    /// Ledgers and the authority log need this version, or a later one.
    private static let oldestVersion = 15
    private static let setpriv = "/usr/bin/setpriv"
    static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C"]

    private static let folder: String? = {
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
            .filter { $0 >= oldestVersion }
        return versions.sorted().last { FileManager.default.isExecutableFile(atPath: "\(root)/\($0)/bin/initdb") }
            .map { "\(root)/\($0)/bin" }
    }()

    /// - Throws: ``CommandError`` if the program is not installed.
    static func path(_ name: String) throws -> String {
        guard let folder else {
            throw CommandError(
                "there is no PostgreSQL \(self.oldestVersion) or newer below \(self.root); on Debian and Ubuntu: "
                    + "apt-get install postgresql")
        }
        return "\(folder)/\(name)"
    }

    /// A change of the user clears the death signal, so it is set again behind the change.
    static func command(_ name: String, _ arguments: [String], deathSignal: String) throws -> (String, [String]) {
        let path = try self.path(name)
        return geteuid() == 0
            ? (self.setpriv, self.change(deathSignal) + [path] + arguments) : (path, arguments)
    }

    private static func change(_ deathSignal: String) -> [String] {
        ["--reuid", self.user, "--regid", self.user, "--clear-groups", "--pdeathsig", deathSignal]
    }

    /// Runs a program to its end. Its output is in `tools.log` of the folder.
    ///
    /// - Throws: ``CommandError`` with the end of that file, unless the program succeeds.
    static func run(_ name: String, _ arguments: [String], _ folder: String) throws {
        let (path, arguments) = try self.command(name, arguments, deathSignal: "KILL")
        let log = folder + "/tools.log"
        let tool = try ChildProcess(path, arguments, environment: self.environment, log: log)
        guard tool.wait() == 0 else {
            let said = FileManager.default.contents(atPath: log) ?? Data()
            throw CommandError("\(name) failed: \(String(decoding: said.suffix(500), as: UTF8.self))")
        }
    }

    /// Makes a folder that only the servers' user and root can enter.
    ///
    /// - Throws: ``CommandError`` if the servers' user could not enter it.
    static func makeFolder(_ path: String) throws {
        try ClusterFolder(path: path).make(path)
        guard geteuid() == 0 else { return }
        guard let account = getpwnam(self.user) else {
            throw CommandError(
                "there is no user \(self.user), as whom PostgreSQL runs for root; on Debian and Ubuntu: "
                    + "apt-get install postgresql")
        }
        guard chown(path, account.pointee.pw_uid, account.pointee.pw_gid) == 0 else {
            throw CommandError("\(path) cannot be given to the user \(self.user)")
        }
        let test = try ChildProcess(
            self.setpriv, self.change("KILL") + ["/usr/bin/test", "-w", path], environment: self.environment,
            log: nil)
        guard test.wait() == 0 else {
            throw CommandError(
                "the user \(self.user), as whom PostgreSQL runs for root, cannot enter \(path): choose a folder that "
                    + "everybody can pass, as below /tmp")
        }
    }
}
