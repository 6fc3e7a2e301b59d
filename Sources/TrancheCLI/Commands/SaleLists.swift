import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

extension SaleCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the sales.")
        @OptionGroup var common: CommonOptions
        func run() async throws { try await self.common.listSales() }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a sale: its state, what is missing, and the rollout of its configuration.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id; all sales if not given.") var sale: String?
        func run() async throws {
            guard let sale else { return try await self.common.listSales() }
            self.common.show(try await self.common.client().sale(sale))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a draft.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        func run() async throws {
            let client = try self.common.client()
            try await client.edit(self.sale) { seen in
                _ = try await client.send("DELETE", "/v1/sales/\(self.sale)", version: seen.version)
            }
            if !self.common.json { Output.line("\(self.sale) is deleted") }
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a sale's name, times, limits or rules of gates, also while it runs.",
            discussion: "A lowered limit applies to later orders; earlier orders stay valid.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The sale's id.") var sale: String
        @Option(help: "A new name.") var name: String?
        @Option(help: "Items of each lot that one buyer may have.") var limit: Int?
        @Option(help: "Seconds from now until the sale starts, before it is opened.") var startsIn: Double?
        @Option(help: "Hours from now until the sale ends.") var hours: Double?
        @Option(help: "Seconds in which a reservation must be paid, for later reservations.")
        var paymentWindow: Double?
        @Option(help: "Seconds in which a buyer who waited must pay, for later offers of returned stock.")
        var claimWindow: Double?
        @Option(help: "A JSON file with what gates ask of buyers, instead of the present rules.") var gate: String?
        @OptionGroup var schedule: ScheduleOptions
        @Flag(help: "Take the schedule away: all steps are yours then.") var noSchedule = false

        func validate() throws {
            try Checks.number("--limit", self.limit, in: 1...Limits.quantityPerOrder)
            try Checks.number("--starts-in", self.startsIn, in: 0...31_536_000)
            try Checks.number("--hours", self.hours, in: 0.001...87_600)
            try Checks.number("--payment-window", self.paymentWindow, in: 0.1...86_400)
            try Checks.number("--claim-window", self.claimWindow, in: 0.1...86_400)
            if self.noSchedule, self.schedule.schedule {
                throw ValidationError("--schedule and --no-schedule contradict each other")
            }
            let isOfSchedule = self.noSchedule || self.schedule.schedule
            if self.name == nil, self.limit == nil, self.hours == nil, self.paymentWindow == nil, self.gate == nil,
                self.startsIn == nil, self.claimWindow == nil, !isOfSchedule
            {
                throw ValidationError(
                    "nothing to change: give --name, --limit, --starts-in, --hours, --payment-window, --claim-window, --gate, "
                        + "--schedule or --no-schedule")
            }
        }

        func run() async throws {
            let client = try self.common.client()
            let startsAt = self.startsIn.map { Int64((Date().timeIntervalSince1970 + $0) * 1_000) }
            let endsAt = self.hours.map { Int64((Date().timeIntervalSince1970 + $0 * 3_600) * 1_000) }
            let gate = try self.gate.map { try JSONFile.read(SaleConfig.GateRules.self, $0) }
            let document = try await client.edit(self.sale) { seen in
                var sale = seen.sale
                if let name { sale.name = name }
                if let startsAt {
                    guard sale.state.allows(.formerOpening) else {
                        throw CommandError(
                            "sale \(sale.id) is \(sale.state.rawValue): its start can be moved before it is opened")
                    }
                    sale.startsAtMilliseconds = startsAt
                }
                if let endsAt { sale.endsAtMilliseconds = endsAt }
                if let paymentWindow { sale.paymentWindowMilliseconds = Int64(paymentWindow * 1_000) }
                if let claimWindow {
                    for index in sale.lots.indices {
                        sale.lots[index].claimWindowMilliseconds = Int64(claimWindow * 1_000)
                    }
                }
                if let gate { sale.gate = gate }
                if self.noSchedule { sale.schedule = nil }
                if let schedule = self.schedule.document { sale.schedule = schedule }
                if let limit { for index in sale.lots.indices { sale.lots[index].perBuyerLimit = limit } }
                return try await client.call(
                    "PUT", "/v1/sales/\(self.sale)", sale, version: seen.version, as: SaleDocument.self)
            }
            self.common.show(document)
        }
    }
}

extension CommonOptions {
    fileprivate func listSales() async throws {
        let sales = try await self.client().call("GET", "/v1/sales", as: [SaleConfig.Sale].self)
        if self.json { return Output.json(sales) }
        if sales.isEmpty { return Output.line("there is no sale yet: create one with `tranche sale create NAME`") }
        let rows = sales.map { sale in
            [
                sale.id, sale.state.rawValue, sale.lots.map(\.id.description).joined(separator: ", "),
                Output.number(sale.lots.reduce(0) { $0 + $1.issued }), sale.name,
            ]
        }
        for line in Output.table(["sale", "state", "lots", "items", "name"], rows) { Output.line(line) }
    }
}

extension AdminClient {
    /// Waits until the sale has started and every reporting unit has the sale's configuration.
    func waitUntilOpen(_ id: String, seconds: Int, progress: (String) -> Void) async throws -> SaleDocument {
        var end: ContinuousClock.Instant?
        var said = false
        while true {
            let document = try await self.sale(id)
            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            let late = document.sale.startsAtMilliseconds - now
            let units = try await self.call("GET", "/v1/units", as: [UnitDocument].self)
            let missing = units.filter { !$0.isSilent && ($0.configVersion ?? 0) < document.version }.map(\.name)
            if late <= 0, missing.isEmpty { return document }
            if late > 2_000, !said {
                progress("starts in \(late / 1_000) s")
                said = true
            }
            let limit = end ?? .now + .milliseconds(max(0, late)) + .seconds(seconds)
            end = limit
            guard ContinuousClock.now < limit else {
                throw CommandError(
                    "sale \(id) is open, but these units do not have its configuration: \(missing.joined(separator: ", "))"
                )
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
