import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI

extension SaleCommand {
    struct SecondRound: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "second-round", abstract: "Make what a settled sale left unsold the stock of a new sale.",
            discussion: """
                The new sale is a draft with the rules of the old one, and with a lot for each lot that has something left: \
                edit it, then warm and open it. All items change over in one record of the log. Units give back what they \
                hold unsold before; one that is gone for good has to be stranded and settled. A repetition changes \
                nothing, unless a corrected settlement has freed more items: those are carried, too.

                  tranche sale second-round drop drop-2 --dry-run
                  tranche sale second-round drop drop-2 --starts-in 3600
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The id of the settled sale.") var sale: String
        @Argument(help: "The id of the new sale.") var next: String
        @Option(help: "Seconds from now until the new sale starts, unless `tranche sale open` sets another time.")
        var startsIn = 0.0
        @Option(help: "Duration of the new sale, in hours; as long as the old one if not given.") var hours: Double?
        @Option(help: "Seconds to wait for what units give back.") var wait = 10
        @Flag(help: "Only say what would be carried.") var dryRun = false

        func validate() throws {
            try Checks.number("--starts-in", self.startsIn, in: 0...31_536_000)
            try Checks.number("--hours", self.hours, in: 0.001...87_600)
            try Checks.number("--wait", self.wait, in: 0...86_400)
        }

        func run() async throws {
            let client = try self.common.client()
            let path = "/v1/sales/\(self.sale)/second-rounds/\(self.next)"
            let plan = try await client.call("GET", path, as: SecondRoundDocument.self)
            if self.dryRun {
                self.show(plan, isPlan: true)
                if plan.refusal != nil { throw ExitCode(1) }
                return
            }
            if !self.common.json { self.show(plan, isPlan: true) }
            let startsAt = Int64((Date().timeIntervalSince1970 + self.startsIn) * 1_000)
            let body = SecondRoundBody(
                startsAtMilliseconds: startsAt,
                endsAtMilliseconds: self.hours.map { startsAt + Int64($0 * 3_600_000) })
            let end = ContinuousClock.now + .seconds(self.wait)
            while true {
                do {
                    let done = try await client.call("PUT", path, body, as: SecondRoundDocument.self)
                    return self.show(done, isPlan: false)
                } catch let error as CommandError
                    where error.description.hasPrefix("not_re") && ContinuousClock.now < end
                {
                    // Units report, and give back what they hold, a few times a second.
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
        }

        private func show(_ document: SecondRoundDocument, isPlan: Bool) {
            if self.common.json { return Output.json(document) }
            let sum = document.lots.reduce(0) { $0 + (isPlan ? $1.pool + $1.unreturned : $1.carried) }
            Output.line(
                isPlan
                    ? "would carry \(Output.number(sum)) items from \(document.sale) to \(document.to)"
                    : Output.green("\(document.to) has \(Output.number(sum)) items of \(document.sale)"))
            let rows = document.lots.map { lot in
                ["lot \(lot.lot)", lot.to.map { "lot \($0)" } ?? "none yet"]
                    + [lot.pool, lot.unreturned, lot.carried].map(Output.number)
            }
            for line in Output.table(["from", "to", "unsold in the pool", "unsold in units", "carried"], rows) {
                Output.line("  " + line)
            }
            if let refusal = document.refusal { Output.line(Output.red("  not now: \(refusal)")) }
        }
    }
}
