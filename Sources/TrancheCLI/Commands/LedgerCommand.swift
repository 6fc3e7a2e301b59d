import ArgumentParser
import Foundation
import Storage
import Terminal
import TrancheCore
import Verification

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Read a unit's ledger, or move it between a file and PostgreSQL.",
        discussion: """
            A location is the path of a file (units/NAME/ledger.sqlite), or a connection string of libpq (host=a,b
            dbname=unit user=unit). The password is in TRANCHE_LEDGER_PASSWORD, or in the file that PGPASSFILE names.
            """,
        subcommands: [Copy.self, Check.self])

    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy a ledger into an empty location, commit for commit under the same digests.",
            discussion: """
                Stop the unit first. Then start it with ledger.postgres set to the new location, and rename the old file;
                or without it, and remove the file ledger.postgres from the unit's folder. The orders of settled lots go
                along: from the folder archive/ beside a file into the database, and back. Never let two units sell from
                two copies: the center strands what the second one holds.
                """)
        @Argument(help: "The location to copy from.") var from: String
        @Argument(help: "The location to copy to: a file that does not exist, or a database without a ledger.") var to:
            String
        @Option(
            help: "The unit's folder archive/, for a ledger in PostgreSQL that an earlier version copied there.")
        var archives = ""

        func run() async throws {
            let (source, target) = (try LedgerLocation(self.from), try LedgerLocation(self.to))
            var lock: FolderLock?
            if case .file(let path) = source {
                guard FileManager.default.fileExists(atPath: path) else {
                    throw CommandError("there is no file \(path)")
                }
                let folder = (path as NSString).deletingLastPathComponent
                lock = try FolderLock(folder: folder.isEmpty ? "." : folder)
            }
            let result = try LedgerCopy.move(source, to: target, archives: self.archives)
            withExtendedLifetime(lock) {}
            Output.line(
                "copied \(result.commits) commits of unit \(result.unit) from \(source) to \(target): "
                    + "position \(result.head.position), digest \(result.head.digest)")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a ledger alone: its digests, its accounts, its limits. Exit code 2 if one does not hold.")
        @Argument(help: "The ledger's location.") var location: String
        @Option(
            help: "The unit's folder archive/, for a ledger in PostgreSQL that an earlier version copied there.")
        var archives = ""

        func run() async throws {
            let audit = try LedgerAudit(try LedgerLocation(self.location), archives: self.archives)
            let findings = LedgerFindings.of(audit)
            Output.line(
                "unit \(audit.unit): \(audit.commits.count) commits, "
                    + "position \(audit.commits.last?.head.position ?? 0), "
                    + (findings.isEmpty ? "all digests and accounts agree" : "\(findings.count) findings"))
            for finding in findings { Output.line("  \(finding)") }
            if !findings.isEmpty { throw ExitCode(2) }
        }
    }
}
