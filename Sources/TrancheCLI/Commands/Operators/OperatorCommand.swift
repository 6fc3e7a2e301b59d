import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator", abstract: "Give operators names, roles and credentials of their own.",
        discussion: """
            Changes the list of operators, a file that every center with operators.file reads again within a second. Copy
            it to all centers. viewer looks; operator does the acts of a sale's day; admin does everything. Whoever shows
            TRANCHE_ADMIN_SECRET is admin. An operator puts the own credential into TRANCHE_OPERATOR_SECRET for this
            program, or into the console. docs/security.md has the table of roles.
            """,
        subcommands: [List.self, Add.self, Replace.self, Remove.self])

    struct Target: ParsableArguments {
        @OptionGroup var common: CommonOptions
        @Option(help: "The list of operators; the one of the cluster's folder if not given.") var file: String?

        var path: String { self.file ?? self.common.folder.operators }

        /// - Returns: An empty list if there is no file.
        func read() throws -> OperatorList {
            guard FileManager.default.fileExists(atPath: self.path) else { return try OperatorList() }
            guard let data = FileManager.default.contents(atPath: self.path) else {
                throw CommandError("\(self.path) cannot be read")
            }
            do throws(OperatorListError) { return try OperatorList(text: String(decoding: data, as: UTF8.self)) } catch
            {
                throw CommandError("\(self.path) \(error)")
            }
        }

        func write(_ change: (OperatorList) throws(OperatorListError) -> OperatorList) throws {
            let list = try self.read()
            let changed: OperatorList
            do throws(OperatorListError) { changed = try change(list) } catch {
                throw CommandError("\(self.path) \(error)")
            }
            let url = URL(fileURLWithPath: self.path).standardizedFileURL
            try KeptFiles(folder: url.deletingLastPathComponent().path).put(
                [(url.lastPathComponent, changed.text, true)], force: true)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the operators and their roles.")
        @OptionGroup var target: Target
        func run() async throws {
            let entries = try self.target.read().entries
            if self.target.common.json {
                return Output.json(
                    entries.map { Row(name: $0.name, role: $0.role, hasCredential: $0.digest != nil) })
            }
            let rows = entries.map { [$0.name, $0.role.rawValue, $0.digest == nil ? "certificate" : "credential"] }
            for line in Output.table(["name", "role", "proof"], rows) { Output.line(line) }
        }

        private struct Row: Encodable {
            let name: String
            let role: OperatorRole
            let hasCredential: Bool
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add an operator, and print a new credential once.",
            discussion: "Nobody can read the credential again: the list has its digest.")
        @OptionGroup var target: Target
        @Argument(help: "The name, as audit trail and certificate have it.") var name: String
        @Option(help: "viewer, operator or admin.") var role: OperatorRole
        @Flag(help: "The operator has a certificate with this name, and gets no credential.") var certificate = false
        func run() async throws {
            let credential = self.certificate ? nil : OperatorCredential.fresh()
            let entry = OperatorList.Entry(
                name: self.name, role: self.role, digest: credential.map { OperatorCredential.digest(of: $0.utf8) })
            // With the first list, certificates that it does not name open nothing: the folder's own one must not lose
            // what it opens.
            let common = self.target.common
            let isOwn = self.target.file == nil && FileManager.default.fileExists(atPath: common.folder.layoutPath)
            let hasTLS = try isOwn && common.folder.load().tls != nil
            try self.target.write { (list) throws(OperatorListError) in
                var list = list
                if hasTLS, list.entries.isEmpty, self.name != ClusterLayout.operatorName {
                    list = try list.adding(
                        OperatorList.Entry(name: ClusterLayout.operatorName, role: .admin, digest: nil))
                }
                return try list.adding(entry)
            }
            self.target.show(entry, credential)
        }
    }

    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Give an operator a new credential, or another role; the old credential is refused within a second.")
        @OptionGroup var target: Target
        @Argument(help: "The name.") var name: String
        @Option(help: "Another role; the credential stays as it is.") var role: OperatorRole?
        func run() async throws {
            let known = try self.target.read().entry(named: self.name)
            guard self.role != nil || known?.digest != nil || known == nil else {
                throw CommandError("\(self.name) has a certificate only: replace that, or give --role")
            }
            let credential = self.role == nil ? OperatorCredential.fresh() : nil
            let entry = OperatorList.Entry(
                name: self.name, role: self.role ?? known?.role ?? .viewer,
                digest: credential.map { OperatorCredential.digest(of: $0.utf8) } ?? known?.digest)
            try self.target.write { (list) throws(OperatorListError) in try list.replacing(entry) }
            self.target.show(entry, credential)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an operator; credential and certificate are refused within a second.")
        @OptionGroup var target: Target
        @Argument(help: "The name.") var name: String
        func run() async throws {
            try self.target.write { (list) throws(OperatorListError) in try list.removing(self.name) }
            Output.line("\(self.name) is no operator any more")
        }
    }
}

extension OperatorCommand.Target {
    fileprivate func show(_ entry: OperatorList.Entry, _ credential: String?) {
        if self.common.json {
            return Output.json(Shown(name: entry.name, role: entry.role, credential: credential))
        }
        Output.line("\(entry.name) has the role \(entry.role.rawValue)")
        guard let credential else { return }
        Output.line("TRANCHE_OPERATOR_SECRET=\(credential)")
        Output.line("This credential is shown once: give it to \(entry.name), and to nobody else.")
    }

    private struct Shown: Encodable {
        let name: String
        let role: OperatorRole
        let credential: String?
    }
}

extension OperatorCredential {
    fileprivate static func fresh() -> String {
        var generator = SystemRandomNumberGenerator()
        return self.random(using: &generator)
    }
}

extension OperatorRole: ExpressibleByArgument {}
