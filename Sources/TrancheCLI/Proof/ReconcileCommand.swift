import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheCore
import Verification

struct ReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Compare ledgers and authority log with the lists of the shop and of its payment provider.",
        discussion: """
            Reads the data folder of a stopped or running cluster, and changes nothing. A list is CSV with a title \
            (order,state,amount,payment; the last two may be missing), or JSONL with these names. docs/settlement.md \
            explains each kind of difference. Where an event may have been missed, the command that repeats it is \
            printed. Exit code 2 if there is a difference.
            """)
    @OptionGroup var common: CommonOptions
    @OptionGroup var place: AuthorityOptions
    @Option(help: "Only orders of this sale, and those that no ledger knows.") var sale: String?
    @Option(help: "The shop's list, .csv or .jsonl.") var shop: String?
    @Option(help: "The payment provider's list, .csv or .jsonl.") var provider: String?
    @Option(help: "The shop's name as a consumer of events, for the printed commands.") var consumer = "shop"
    @Option(help: "Differences of one kind that are printed; --json lists all.") var limit = 20

    struct Document: Encodable {
        struct Line: Encodable {
            let kind: String
            let order: OrderID
            let lot: LotID?
            let unit: String?
            let detail: String
            /// What repeats the event that the shop may have missed.
            let command: String?
        }
        let orders: Int
        let counts: [String: Int]
        let differences: [Line]
    }

    func validate() throws { try Checks.number("--limit", self.limit, in: 1...1_000_000) }

    func run() async throws {
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let found = try FileReconciliation(
            folder: self.common.folder.path, authority: try self.place.store(self.common), sale: self.sale,
            shop: self.shop,
            provider: self.provider, now: now)
        if self.common.json { Output.json(self.document(found)) } else { self.show(found) }
        if !found.differences.isEmpty { throw ExitCode(2) }
    }

    private func document(_ found: FileReconciliation) -> Document {
        let counts = Dictionary(grouping: found.differences, by: \.kind.rawValue).mapValues(\.count)
        return Document(
            orders: found.orders, counts: counts,
            differences: found.differences.map { one in
                .init(
                    kind: one.kind.rawValue, order: one.order, lot: one.lot,
                    unit: one.unit.map { Self.name($0, found) }, detail: one.detail,
                    command: self.command(one, found))
            })
    }

    private func show(_ found: FileReconciliation) {
        for kind in Difference.Kind.allCases {
            let mine = found.differences.filter { $0.kind == kind }
            guard !mine.isEmpty else { continue }
            Output.line(Output.bold("\(kind.rawValue): \(Output.number(mine.count))"))
            for one in mine.prefix(self.limit) {
                let place = [one.lot.map { "lot \($0)" }, one.unit.map { Self.name($0, found) }].compactMap { $0 }
                Output.line("  \(one.order)  \((place + [one.detail]).joined(separator: ", "))")
                if let command = self.command(one, found) { Output.line(Output.dim("    \(command)")) }
            }
            if mine.count > self.limit { Output.line("  … and \(Output.number(mine.count - self.limit)) more") }
        }
        Output.line(
            found.differences.isEmpty
                ? Output.green("\(Output.number(found.orders)) orders, and no difference")
                : Output.red(
                    "\(Output.number(found.orders)) orders, \(Output.number(found.differences.count)) differences"))
    }

    private static func name(_ unit: UnitID, _ found: FileReconciliation) -> String {
        found.units[unit] ?? "unit \(unit)"
    }

    /// What repairs it: an act that does nothing for a shop that has the event already.
    private func command(_ one: Difference, _ found: FileReconciliation) -> String? {
        guard let repair = one.repair, let unit = one.unit, let name = found.units[unit] else { return nil }
        let act =
            switch repair {
            case .replay(let place):
                "replay \(self.consumer) --unit \(name) --from \(place.position) --to \(place.position)"
            case .revive(let consumer): "revive \(consumer) --unit \(name)"
            }
        return "tranche outbox \(act) --data \(self.common.data)"
    }
}
