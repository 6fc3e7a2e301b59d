import ArgumentParser
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

struct CredentialCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credential", abstract: "Make secrets, and derive those of units.",
        discussion: "docs/security.md lists the holder of each secret, and the damage if it is stolen.",
        subcommands: [New.self, Unit.self, Replace.self])

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a random secret.",
            discussion: "To replace one in a file of secrets, while processes use it: tranche credential replace.")
        func run() async throws {
            Output.line((0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined())
        }
    }

    struct Unit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the secrets for one unit's environment, derived from the keys in this environment.",
            discussion:
                "Needs TRANCHE_UNITS_KEY and TRANCHE_CONTEST_KEY in the environment; uses the first key of a list.")
        @Argument(help: "The unit's number, 1 to 65535.") var unit: UInt16

        func run() async throws {
            guard self.unit > 0 else { throw ValidationError("the unit's number 0 is not in 1...65535") }
            let id = UnitID(self.unit)
            let (units, contests) = (try Self.key("TRANCHE_UNITS_KEY"), try Self.key("TRANCHE_CONTEST_KEY"))
            Output.line("TRANCHE_UNIT_SECRET=\(UnitCredential.derive(.toCenter, of: id, key: units))")
            Output.line("TRANCHE_CENTER_SECRET=\(UnitCredential.derive(.fromCenter, of: id, key: units))")
            Output.line("TRANCHE_CONTEST_SECRET=\(UnitCredential.derive(.toCoordinator, of: id, key: contests))")
        }

        private static func key(_ name: String) throws -> String {
            let value = ProcessInfo.processInfo.environment[name] ?? ""
            guard !value.isEmpty else { throw CommandError("\(name) is missing in the environment") }
            do throws(SecretsError) { return try DatedSecrets(text: value).secrets[0].text } catch {
                throw CommandError("\(name) \(error)")
            }
        }
    }
}
