import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

extension SaleCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a draft of a sale: with one lot, or from a JSON file.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "Items of the lot.") var stock = 1_000
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "Items that one buyer may have.") var limit = 1
        @Option(help: "Price of one item, in minor units of --currency, as 1999; without it payments have no amounts.")
        var price: Int64?
        @Option(help: "Currency of --price: three capital letters (ISO 4217), as EUR.") var currency: String?
        @Option(help: "Seconds in which a reservation must be paid.") var paymentWindow = 300.0
        @Option(help: "Seconds in which a buyer who waited must pay; 120 if not given, or a shorter payment window.")
        var claimWindow: Double?
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
        @Option(help: "The line at the gates: open, first-come, lottery or lottery-then-first-come.")
        var line = LinePolicy.open
        @Option(help: "A JSON file with what gates ask of buyers: rules, rates, challenge.") var gate: String?
        @Option(help: "Seconds from now until it starts, unless `tranche sale open` sets another time.")
        var startsIn = 0.0
        @OptionGroup var schedule: ScheduleOptions
        @Option(help: "A JSON file with the whole sale, instead of the other options.") var file: String?

        func validate() throws {
            try Checks.number("--stock", self.stock, in: 1...Limits.stockPerLot)
            try Checks.number("--limit", self.limit, in: 1...Limits.quantityPerOrder)
            try Checks.number("--price", self.price, in: 1...Limits.price)
            if (self.price == nil) != (self.currency == nil) {
                throw ValidationError("--price and --currency belong together: give both, or neither")
            }
            if let currency, Currency(currency) == nil {
                throw ValidationError("--currency \"\(currency)\" is not three capital letters (ISO 4217), as EUR")
            }
            try Checks.number("--payment-window", self.paymentWindow, in: 0.1...86_400)
            try Checks.number("--claim-window", self.claimWindow, in: 0.1...86_400)
            try Checks.number("--hours", self.hours, in: 0.001...87_600)
            try Checks.number("--pool", self.pool, in: 0...1_000)
            try Checks.number("--starts-in", self.startsIn, in: 0...31_536_000)
            if self.line == .lottery, self.file == nil, self.startsIn == 0 {
                throw ValidationError("--line lottery: buyers enter it before the start, so give --starts-in SECONDS")
            }
            if self.schedule.schedule, self.startsIn == 0 {
                throw ValidationError("--schedule: its times count from the start, so give --starts-in SECONDS")
            }
            if self.schedule.schedule, self.file != nil {
                throw ValidationError("--schedule: with --file, the schedule is in the file")
            }
        }

        func run() async throws {
            let document: SaleConfig.Sale
            if let file {
                document = try JSONFile.read(SaleConfig.Sale.self, file)
            } else {
                document = try self.document()
            }
            let made = try await self.common.client().call("POST", "/v1/sales", document, as: SaleDocument.self)
            self.common.show(made)
        }

        private func document() throws -> SaleConfig.Sale {
            let startsAt = Int64((Date().timeIntervalSince1970 + self.startsIn) * 1_000)
            var sale = SaleConfig.Sale(
                id: self.sale, name: self.sale, startsAtMilliseconds: startsAt,
                endsAtMilliseconds: startsAt + Int64(self.hours * 3_600_000),
                paymentWindowMilliseconds: Int64(self.paymentWindow * 1_000),
                lots: [
                    .init(
                        id: LotID(self.lot), name: self.sale, stock: self.stock, perBuyerLimit: self.limit,
                        poolPermille: self.pool,
                        weights: try self.weights.map(Self.weights),
                        contest: .init(
                            when: self.contest, permille: self.contestPermille, policy: self.policy,
                            milliseconds: self.policyMilliseconds, waitlist: self.waitlist),
                        line: self.line == .open ? nil : self.line, price: self.lotPrice)
                ],
                gate: try self.gate.map { try JSONFile.read(SaleConfig.GateRules.self, $0) },
                schedule: self.schedule.document)
            sale.lots[0].claimWindowMilliseconds = self.claimWindow.map { Int64($0 * 1_000) }
            return sale
        }

        private var lotPrice: LotPrice? {
            guard let price, let currency else { return nil }
            return LotPrice(amount: price, currency: currency)
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
}

extension SaleConfig.Lot.Contest.When: ExpressibleByArgument {}
extension SaleConfig.Lot.Contest.Policy: ExpressibleByArgument {}
extension LinePolicy: ExpressibleByArgument {}

/// A JSON file of an operator.
enum JSONFile {
    static func read<Document: Decodable>(_ type: Document.Type, _ path: String) throws -> Document {
        try JSON.decode(type, from: try self.bytes(path))
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError("\(path) cannot be read")
        }
        return Array(data)
    }
}
