import Foundation
import Terminal
import TrancheCore
import Verification

/// The results of the bench, for each policy.
struct FairnessResult: Codable {
    struct Policy: Codable {
        let name: String
        let won: Int
        let misallocationPercent: Double
        /// The error of the worst region, over all bursts together.
        let shareErrorPoints: Double
        let uncertainBand: Int
        let late: Int
        /// The share of the winners by region, in percent, and the share of the first buyers.
        let wonPercent: [String: Double]
        let firstPercent: [String: Double]
    }
    let bursts: Int
    let ratePerRegion: Int
    let policies: [Policy]
    let decisionMillisecondsP50: Double
    let decisionMillisecondsP99: Double
    let latencyRequests: Int
    let smallCrowd: Int
    let smallForwarded: Int
    let largeCrowd: Int
    let largeForwarded: Int

    static let misallocationLimit = 1.5
    static let shareErrorLimit = 1.0
    static let decisionLimit = 220.0
    static let trafficLimit = 1.5

    var trafficGrowth: Double { Double(self.largeForwarded) / Double(max(1, self.smallForwarded)) }

    var isGood: Bool {
        self.policies[0].misallocationPercent <= Self.misallocationLimit
            && self.policies[0].shareErrorPoints <= Self.shareErrorLimit
            && self.decisionMillisecondsP99 <= Self.decisionLimit && self.trafficGrowth < Self.trafficLimit
    }

    init(_ verifier: Verifier, bursts: Int, rate: Int) {
        let offsets = FairnessBench.offsets.mapValues { Int64($0) }
        func reports(_ first: UInt32) -> [FairnessReport] {
            (0..<UInt32(bursts)).compactMap { verifier.fairness(LotID(first + 2 * $0), offsets: offsets) }
        }
        self.bursts = bursts
        self.ratePerRegion = rate
        self.policies = [Self.policy("stamp", reports(1)), Self.policy("arrival", reports(2))]
        let latency = verifier.fairness(LotID(FairnessBench.latencyLot))
        self.decisionMillisecondsP50 = latency?.decisionMillisecondsP50 ?? 0
        self.decisionMillisecondsP99 = latency?.decisionMillisecondsP99 ?? .infinity
        self.latencyRequests = latency?.passed ?? 0
        let (small, large) = (
            verifier.fairness(LotID(FairnessBench.smallLot)), verifier.fairness(LotID(FairnessBench.largeLot))
        )
        self.smallCrowd = rate / 2 * 3
        self.largeCrowd = rate * 15
        self.smallForwarded = small?.passed ?? 0
        self.largeForwarded = large?.passed ?? 0
    }

    private static func policy(_ name: String, _ reports: [FairnessReport]) -> Policy {
        let won = reports.reduce(0) { $0 + $1.won }
        func shares(_ count: (FairnessReport.Region) -> Int) -> [String: Double] {
            var sums: [String: Int] = [:]
            for region in reports.flatMap(\.regions) { sums[region.name, default: 0] += count(region) }
            return sums.mapValues { Double($0) / Double(max(1, won)) * 100 }
        }
        let (wins, first) = (shares(\.won), shares(\.first))
        return Policy(
            name: name, won: won,
            misallocationPercent: Double(reports.reduce(0) { $0 + $1.misallocated }) / Double(max(1, won)) * 100,
            shareErrorPoints: wins.map { abs($0.value - (first[$0.key] ?? 0)) }.max() ?? 0,
            uncertainBand: reports.reduce(0) { $0 + $1.uncertainBand }, late: reports.reduce(0) { $0 + $1.late },
            wonPercent: wins, firstPercent: first)
    }

    func print(output: String) {
        let rows = self.policies.map { policy in
            [
                policy.name, Output.number(policy.won), String(format: "%.2f %%", policy.misallocationPercent),
                String(format: "%.2f points", policy.shareErrorPoints), "\(policy.uncertainBand)", "\(policy.late)",
            ]
        }
        Output.line(
            "\n\(self.bursts) bursts each, \(3 * self.ratePerRegion) requests/s, clocks -1/0/+1 ms, links 5/40/90 ms one-way:"
        )
        for line in Output.table(
            ["order", "winners", "wrong winners", "worst share error", "too close to tell", "late"], rows)
        { Output.line("  " + line) }
        Output.line(
            String(
                format: "  decisions known at the unit: p50 %.0f ms, p99 %.0f ms (bound %.0f), %d requests",
                self.decisionMillisecondsP50, self.decisionMillisecondsP99, Self.decisionLimit, self.latencyRequests))
        Output.line(
            "  forwarded: \(Output.number(self.smallForwarded)) of \(Output.number(self.smallCrowd)) requests, "
                + "\(Output.number(self.largeForwarded)) of \(Output.number(self.largeCrowd)): "
                + String(format: "%.2f times (bound %.1f)", self.trafficGrowth, Self.trafficLimit))
        Output.line("  \(output)/fairness.json, \(output)/fairness.svg")
        Output.line(self.isGood ? Output.green("PASS") : Output.red("FAIL"))
    }
}
