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
            Close.self, Settle.self, Block.self, Unblock.self, RevokeTokens.self,
            AddUnit.self, Export.self, SecondRound.self, Hold.self, Release.self,
            Rules.self, Vary.self, Stage.self, Rollout.self,
        ])

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
        @Flag(help: "Open even if the sale is not ready; needs an admin.") var force = false
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
                    + (lot.added ?? 0 > 0 ? " (\(Output.number(lot.stock)) at first)" : "")
                    + (lot.carriedFrom.map { ", carried from lot \($0)" } ?? ""))
        }
        if let epoch = document.sale.revocationEpoch { Output.line("  tokens revoked, last with epoch \(epoch)") }
        if let added = document.sale.branches {
            let units = (try? self.folder.load())?.units ?? []
            let names = added.map { id in units.first { $0.id == id }?.name ?? "unit \(id)" }
            Output.line("  units added since its opening: \(names.joined(separator: ", "))")
        }
        if let staged = document.sale.staged {
            let standing = staged.held.map { "held: \($0.detail)" } ?? "watched"
            Output.line(
                "  new rules in stage \(staged.stage.rawValue), \(standing): `tranche sale rules \(document.sale.id)`")
        }
        if let variants = document.sale.variants {
            let names = variants.map(\.name).joined(separator: ", ")
            Output.line("  rules differ in \(names): `tranche sale rules \(document.sale.id)`")
        }
        for step in document.schedule?.steps ?? [] { self.show(step) }
        if document.sale.state == .warming {
            Output.line(document.readiness.isReady ? Output.green("  ready to open") : "  missing:")
            for missing in document.readiness.missing { Output.line("    \(missing)") }
        }
        if let refusal = document.rollout.refusal { Output.line(Output.red("  rollout stopped: \(refusal)")) }
        if !document.steps.isEmpty {
            Output.line(Output.dim("  possible now: \(document.steps.joined(separator: ", "))"))
        }
    }

    /// One step of the schedule, and what is in its way.
    private func show(_ step: ScheduleDocument.Step) {
        let text = "\(step.step.rawValue) at \(JSON.text(Instant(milliseconds: step.atMilliseconds)))"
        switch step.standing {
        case .done: Output.line(Output.dim("  \(text): done"))
        case .waiting, .due, .held: Output.line("  \(text): \(step.standing.rawValue)")
        case .blocked, .missed: Output.line(Output.red("  \(text): \(step.standing.rawValue)"))
        }
        for reason in step.reasons { Output.line("    \(reason)") }
    }
}
