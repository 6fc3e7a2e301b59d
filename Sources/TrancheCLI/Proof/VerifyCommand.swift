import ArgumentParser
import Clusters
import Foundation
import Storage
import Terminal
import TrancheAPI
import TrancheCore
import Verification

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Judge a sale from its files alone: every ledger and the authority log.",
        discussion:
            "Reads the data folder of a stopped or running cluster; no process takes part. Exit code 2 if an invariant is broken."
    )
    @OptionGroup var common: CommonOptions
    @OptionGroup var place: AuthorityOptions
    @Option(help: "A JSON list of the ids of acknowledged orders, from `load`.") var acknowledged: String?

    @Option(help: "A JSON list of the ids of orders that the payment provider has charged.") var paid: String?

    func run() async throws {
        let report = try Verifier(
            folder: self.common.folder.path, authority: try self.place.store(self.common),
            acknowledged: try self.acknowledged.map(Self.orders),
            paid: try self.paid.map(Self.orders) ?? []
        ).report()
        if self.common.json { Output.json(report) } else { report.print() }
        if !report.isSound { throw ExitCode(2) }
    }
}

extension VerifyCommand {
    private static func orders(_ path: String) throws -> [OrderID] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError("\(path) cannot be read")
        }
        do { return try JSON.decode([OrderID].self, from: data) } catch {
            throw CommandError("\(path) is not a JSON list of order ids: \(error.detail)")
        }
    }
}
