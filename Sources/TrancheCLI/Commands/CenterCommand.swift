import ArgumentParser
import Foundation
import Storage
import Terminal
import TrancheCore

struct CenterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "center", abstract: "Move the state of centers between a file and PostgreSQL.",
        discussion: """
            A location is the path of a file (center/authority.sqlite), or a connection string of libpq (host=a,b
            dbname=tranche user=center). The password is in TRANCHE_AUTHORITY_PASSWORD, or in the file that PGPASSFILE
            names.
            """,
        subcommands: [Copy.self])

    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the authority log, and all that is kept beside it, into an empty location.",
            discussion: """
                Stop every center first; units sell on meanwhile. Then start the centers with authority.postgres set to
                the new location, or without it for a file. The old location stays, and no center starts with it
                again: two centers with copies of one log would give the same stock twice. If the command is broken off,
                repeat it: the new location has everything or nothing.
                """)
        @Argument(help: "The location to copy from.") var from: String
        @Argument(help: "The location to copy to: a file that does not exist, or a database without a log.") var to:
            String
        @Flag(help: "No standby of the new PostgreSQL has to confirm: for a trial on one machine.")
        var unreplicated = false

        func run() async throws {
            let (source, target) = (try AuthorityLocation(self.from), try AuthorityLocation(self.to))
            if case .file(let path) = source, !FileManager.default.fileExists(atPath: path) {
                throw CommandError("there is no file \(path)")
            }
            let copy = try AuthorityCopy.move(source, to: target, allowsUnreplicated: self.unreplicated)
            let beside = "\(copy.configs) versions of the configuration, \(copy.auditLines) lines of the audit trail"
            Output.line(
                "copied \(copy.records) records of the authority log from \(source) to \(target): position "
                    + "\(copy.end.position), digest \(copy.end.digest), epoch \(copy.epoch.rawValue); \(beside), "
                    + "\(copy.acts) acts")
        }
    }
}
