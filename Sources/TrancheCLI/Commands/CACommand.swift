import ArgumentParser
import Foundation
import Terminal
import TrancheCore

struct CACommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca", abstract: "A small authority for the certificates of processes.",
        discussion: "docs/identity.md says what the names open, and how certificates are replaced while processes run.",
        subcommands: [Init.self, Issue.self])

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an authority: ca.pem and ca.key in a folder.")
        @Argument(help: "The authority's folder. Who can read its ca.key can be any process.") var folder: String
        @Option(help: "The domain in all names: shop.example.") var domain: String
        @Flag(help: "Replace an authority that is there: all its certificates lose their worth.") var force = false

        func run() async throws {
            try CertificateAuthority.create(self.folder, domain: self.domain, force: self.force)
            Output.line("\(self.folder)/ca.pem is for every process, \(self.folder)/ca.key for nobody")
        }
    }

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and its certificate: key.pem, cert.pem and ca.pem in a folder.",
            discussion: "Running processes take replaced files into use within seconds.")
        static let hoursLimit = 720
        @Argument(help: "The authority's folder.") var folder: String
        @Argument(help: "unit, center, coordinator, gate, operator, shop or monitor.") var role: String
        @Argument(help: "The process's name; a unit's is its unit.name, a gate's its gate.name.") var name: String
        @Option(help: "A DNS name or an IP address under which other processes call it; repeat it for more.")
        var host: [String] = []
        @Option(help: "Hours until it expires.") var hours = 24
        @Option(help: "The folder for the files.") var out: String
        @Flag(help: "Replace files that are there.") var force = false

        func validate() throws { try Checks.number("--hours", self.hours, in: 1...Self.hoursLimit) }

        func run() async throws {
            let authority = try CertificateAuthority(folder: self.folder)
            guard let role = ProcessName.Role(rawValue: self.role) else {
                throw CommandError("\(ProcessNameError.unknownRole(self.role))")
            }
            let name: ProcessName
            do throws(ProcessNameError) {
                name = try ProcessName(domain: authority.domain, role: role, name: self.name)
            } catch { throw CommandError("\(error)") }
            guard !role.isServer || !self.host.isEmpty else {
                throw CommandError(
                    "a \(role.rawValue) is called by other processes: give --host with the name or address in their settings"
                )
            }
            try authority.issue(
                name, hosts: try self.host.map { try CertificateHost($0) }, lifetime: TimeInterval(self.hours) * 3_600,
                to: self.out, force: self.force)
            Output.line("\(name): \(self.out)/cert.pem and key.pem, for \(self.hours) hours")
        }
    }
}
