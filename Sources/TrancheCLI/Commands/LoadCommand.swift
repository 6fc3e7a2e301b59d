import ArgumentParser
import Clusters
import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Send a crowd of buyers, in open loop.",
        discussion: "Latency counts from the intended time of a request, so a slow server cannot hide its queue.")
    @OptionGroup var common: CommonOptions
    @Argument(help: "The sale's id; its first lot is bought.") var sale: String
    @Option(help: "Buyers.") var buyers = 1_000
    @Option(help: "Seconds in which the buyers arrive.") var seconds = 10.0
    @Option(help: "Weight of each unit, in the order of the units, as 80,15,5; equal if not given.") var skew: String?
    @Option(help: "Of 100 buyers, how many submit twice.") var double = 0
    @Option(help: "Of 100 buyers, how many lose their connection and try again.") var cut = 0
    @Option(help: "Of 100 buyers, how many pay.") var pay = 100
    @Option(help: "Seconds after which all buyers give up.") var patience = 30.0
    @Option(help: "Where buyers get their tokens: unit (with tokens that the generator makes) or gate.")
    var through = "unit"
    @OptionGroup var visitors: VisitorOptions
    @Option(help: "Seed of the crowd.") var seed: UInt64 = 1
    @Option(help: "A trace file: a line per request, milliseconds,region,buyer,quantity.") var trace: String?
    @Option(help: "Write the order id of each 201 to this file, for `verify --acknowledged`.") var acknowledged: String?

    func validate() throws {
        try Checks.number("--buyers", self.buyers, in: 1...10_000_000)
        try Checks.number("--seconds", self.seconds, in: 0.1...86_400)
        try Checks.number("--patience", self.patience, in: 0.1...86_400)
        try Checks.percent("--double", self.double)
        try Checks.percent("--cut", self.cut)
        try Checks.percent("--pay", self.pay)
        guard ["unit", "gate"].contains(self.through) else {
            throw ValidationError("--through is \"\(self.through)\", but must be unit or gate")
        }
        let shares = self.visitors.shares(VisitorShares())
        guard self.through == "gate" || shares.others == 0 else {
            throw ValidationError("\(shares.text): they come to gates, so --through must be gate")
        }
    }

    func run() async throws {
        let client = try self.common.client()
        let layout = client.layout
        let sale = try await self.waitForOpening(client)
        let weights =
            try self.skew.map { text in
                try text.split(separator: ",").map { part in
                    guard let weight = Int(part), weight >= 0 else {
                        throw ValidationError("--skew: \"\(part)\" is not a weight; expected 0 or more")
                    }
                    return weight
                }
            } ?? layout.units.map { _ in 1 }
        guard weights.count == layout.units.count else {
            throw ValidationError("--skew has \(weights.count) weights, but there are \(layout.units.count) units")
        }
        var plan = LoadPlan(buyers: self.buyers, seconds: self.seconds, weights: weights)
        (plan.doublePercent, plan.cutPercent, plan.abandonPercent, plan.seed) = (
            self.double, self.cut, 100 - self.pay, self.seed
        )
        plan.shares = self.visitors.shares(VisitorShares())
        var arrivals = plan.arrivals()
        if let trace {
            guard let data = FileManager.default.contents(atPath: trace) else {
                throw CommandError("\(trace) cannot be read")
            }
            do {
                arrivals = try LoadPlan.trace(String(decoding: data, as: UTF8.self), regions: layout.units.map(\.name))
            } catch { throw CommandError("\(trace), \(error)") }
        }
        var settings = Crowd.Settings()
        settings.patienceMilliseconds = Int(self.patience * 1_000)
        settings.sale = self.sale
        settings.scriptRequests = self.visitors.scriptRequests
        try await client.block(arrivals, in: self.sale)
        var target = layout.target(lot: sale.lots[0].id, throughGates: self.through == "gate")
        target.epoch = sale.revocationEpoch ?? .first
        let crowd = Crowd(target, settings: settings)
        let progress = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(2))
                let now = crowd.current
                if !self.common.json {
                    Output.line(
                        Output.dim("\(now.requests) requests, \(now.acknowledged.count) orders, \(now.paid) paid"))
                }
            }
        }
        var report = await crowd.run(arrivals)
        if self.through == "gate" {
            report.crowd = CrowdVerdict(report, buyerLimit: sale.lots[0].perBuyerLimit)
        }
        progress.cancel()
        if let path = self.acknowledged {
            try Data(JSON.encode(report.acknowledged.keys.sorted())).write(to: URL(fileURLWithPath: path))
        }
        if self.common.json {
            Output.json(report)
            return try self.judge(report)
        }
        Output.line("orders \(report.acknowledged.count), paid \(report.paid), gave up \(report.gaveUp), answers:")
        for (code, count) in report.answers.sorted(by: { $0.value > $1.value }) {
            Output.line("  \(code): \(Output.number(count))")
        }
        Output.line(
            "latency in ms: "
                + report.latency.sorted { $0.value < $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        CrowdTables.print(report)
        if let verdict = report.crowd { CrowdTables.print(verdict) }
        try self.judge(report)
    }

    /// Waits because a crowd that arrives before the opening would only be refused.
    private func waitForOpening(_ client: AdminClient) async throws -> SaleConfig.Sale {
        let end = ContinuousClock.now + .milliseconds(Int(self.patience * 1_000))
        var said = false
        while true {
            let sale = try await client.sale(self.sale).sale
            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            if sale.state == .open, sale.startsAtMilliseconds <= now { return sale }
            guard sale.state != .closed, sale.state != .settled else {
                throw CommandError("sale \(self.sale) is \(sale.state.rawValue): it takes no orders")
            }
            guard ContinuousClock.now < end else {
                throw CommandError(
                    "sale \(self.sale) is \(sale.state.rawValue) and has not opened within \(self.patience) s: see `tranche "
                        + "sale show \(self.sale)`, or increase --patience")
            }
            if !said, !self.common.json { Output.line(Output.dim("waiting for the opening of \(self.sale)")) }
            said = true
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func judge(_ report: LoadReport) throws {
        if !report.contradictions.isEmpty {
            let said = "error: the same token got different answers: \(report.contradictions.prefix(3))\n"
            FileHandle.standardError.write(Data(said.utf8))
            throw ExitCode(2)
        }
        for check in report.crowd?.rights ?? [] where !check.isGood {
            FileHandle.standardError.write(Data("error: it is not true that \(check.name): \(check.finding)\n".utf8))
        }
        if report.crowd?.isRight == false { throw ExitCode(2) }
        guard report.acknowledged.isEmpty, report.gaveUp > 0 else { return }
        FileHandle.standardError.write(
            Data("error: no buyer got an order, and \(report.gaveUp) buyers gave up without an answer\n".utf8))
        throw ExitCode(1)
    }
}
