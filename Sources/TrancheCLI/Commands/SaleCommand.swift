import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

struct SaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sale", abstract: "Create sales, and take them from state to state.",
        discussion: "The states of a sale: draft, warming, open (which can be paused), closed, settled.",
        subcommands: [
            Create.self, List.self, Show.self, Edit.self, Delete.self, Warm.self, Open.self, Pause.self, Resume.self,
            Close.self, Settle.self,
        ])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a draft of a sale: with one lot, or from a JSON file.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "Items of the lot.") var stock = 1_000
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "Items that one buyer may have.") var limit = 1
        @Option(help: "Seconds in which a reservation must be paid.") var paymentWindow = 300.0
        @Option(help: "Duration of the sale, in hours.") var hours = 24.0
        @Option(help: "Share of the stock that stays in the pool at first, in permille.") var pool = 0
        @Option(help: "Quota weights, as us-east=5,eu-west=3; equal if not given.") var weights: String?
        @Option(help: "When the lot becomes contested: scarce, share, global or never.")
        var contest = SaleConfig.Lot.Contest.When.scarce
        @Option(help: "With --contest share: the share of the stock left, in permille.") var contestPermille: Int?
        @Option(help: "Order of the contest: stamp, band-lottery, rounds or arrival.")
        var policy = SaleConfig.Lot.Contest.Policy.stamp
        @Option(help: "Width of the band, or length of a round, in milliseconds.") var policyMilliseconds: Int64?
        @Option(help: "Requests that may wait for returned stock; a tenth of the stock if not given.")
        var waitlist: Int?
        @Option(help: "A JSON file with the whole sale, instead of the other options.") var file: String?

        func validate() throws {
            try Checks.number("--stock", self.stock, in: 1...Limits.stockPerLot)
            try Checks.number("--limit", self.limit, in: 1...Limits.quantityPerOrder)
            try Checks.number("--payment-window", self.paymentWindow, in: 0.1...86_400)
            try Checks.number("--hours", self.hours, in: 0.001...87_600)
            try Checks.number("--pool", self.pool, in: 0...1_000)
        }

        func run() async throws {
            let document: SaleConfig.Sale
            if let file {
                guard let data = FileManager.default.contents(atPath: file) else {
                    throw CommandError("\(file) cannot be read")
                }
                document = try JSON.decode(SaleConfig.Sale.self, from: data)
            } else {
                let now = Int64(Date().timeIntervalSince1970 * 1_000)
                document = SaleConfig.Sale(
                    id: self.sale, name: self.sale, startsAtMilliseconds: now,
                    endsAtMilliseconds: now + Int64(self.hours * 3_600_000),
                    paymentWindowMilliseconds: Int64(self.paymentWindow * 1_000),
                    lots: [
                        .init(
                            id: LotID(self.lot), name: self.sale, stock: self.stock, perBuyerLimit: self.limit,
                            poolPermille: self.pool,
                            weights: try self.weights.map(Self.weights),
                            contest: .init(
                                when: self.contest, permille: self.contestPermille, policy: self.policy,
                                milliseconds: self.policyMilliseconds, waitlist: self.waitlist))
                    ])
            }
            let made = try await self.common.client().call("POST", "/v1/sales", document, as: SaleDocument.self)
            self.common.show(made)
        }

        private static func weights(_ text: String) throws -> [String: Int] {
            var weights: [String: Int] = [:]
            for part in text.split(separator: ",") {
                let pair = part.split(separator: "=")
                guard pair.count == 2, let weight = Int(pair[1]) else {
                    throw ValidationError("--weights: \"\(part)\" does not have the form NAME=NUMBER")
                }
                weights[String(pair[0])] = weight
            }
            return weights
        }
    }

    struct Warm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Issue the stock, grant quotas, load every Redis; wait until the sale is ready.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "Seconds to wait.") var wait = 30
        func validate() throws { try Checks.number("--wait", self.wait, in: 0...86_400) }
        func run() async throws {
            let client = try self.common.client()
            _ = try await client.step(.warm, self.sale)
            var last = ""
            let ready = try await client.waitUntilReady(self.sale, seconds: self.wait) { missing in
                if !self.common.json, missing != last { Output.line(Output.dim("waiting: \(missing)")) }
                last = missing
            }
            self.common.show(ready)
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Open a warm sale in all regions at the same time; wait until all units take orders.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "Seconds from now until it starts.") var delay = 2.0
        @Flag(help: "Open even if the sale is not ready.") var force = false
        @Option(help: "Seconds to wait after the start until every unit takes orders.") var wait = 30
        @Flag(help: "Return at once.") var noWait = false

        func validate() throws {
            try Checks.number("--delay", self.delay, in: 0...31_536_000)
            try Checks.number("--wait", self.wait, in: 0...86_400)
        }

        func run() async throws {
            let client = try self.common.client()
            let startsAt = Int64((Date().timeIntervalSince1970 + self.delay) * 1_000)
            var document = try await client.step(
                .open, self.sale, OpenBody(startsAtMilliseconds: startsAt, force: self.force))
            // The command does not wait for a later start.
            if !self.noWait, self.delay <= 60 {
                document = try await client.waitUntilOpen(self.sale, seconds: self.wait) { text in
                    if !self.common.json { Output.line(Output.dim(text)) }
                }
            }
            self.common.show(document)
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pause a sale; reservations can still be paid.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws { self.common.show(try await self.common.client().step(.pause, self.sale)) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End the pause of a sale.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws { self.common.show(try await self.common.client().step(.resume, self.sale)) }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a sale; reservations can still be paid until their deadline.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws { self.common.show(try await self.common.client().step(.close, self.sale)) }
    }

    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Settle a closed sale that has no reservations and no stranded quota.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "Seconds to wait for the last reports of units.") var wait = 10
        func validate() throws { try Checks.number("--wait", self.wait, in: 0...86_400) }
        func run() async throws {
            let client = try self.common.client()
            let end = ContinuousClock.now + .seconds(self.wait)
            while true {
                do { return self.common.show(try await client.step(.settle, self.sale)) } catch let error
                    as CommandError
                    where error.description.hasPrefix("not_reported") && ContinuousClock.now < end
                {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }
    }
}

extension CommonOptions {
    func show(_ document: SaleDocument) {
        if self.json { return Output.json(document) }
        Output.line(
            "\(Output.bold(document.sale.id))  \(document.sale.state.rawValue), configuration version \(document.version)"
        )
        for lot in document.sale.lots {
            Output.line(
                "  lot \(lot.id): \(Output.number(lot.issued)) items, \(lot.perBuyerLimit) per buyer"
                    + (lot.added ?? 0 > 0 ? " (\(Output.number(lot.stock)) at first)" : ""))
        }
        if document.sale.state == .warming {
            Output.line(document.readiness.isReady ? Output.green("  ready to open") : "  missing:")
            for missing in document.readiness.missing { Output.line("    \(missing)") }
        }
        if let refusal = document.rollout.refusal { Output.line(Output.red("  rollout stopped: \(refusal)")) }
        if !document.steps.isEmpty {
            Output.line(Output.dim("  possible now: \(document.steps.joined(separator: ", "))"))
        }
    }
}

extension SaleConfig.Lot.Contest.When: ExpressibleByArgument {}
extension SaleConfig.Lot.Contest.Policy: ExpressibleByArgument {}
