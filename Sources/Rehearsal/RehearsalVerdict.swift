import Foundation
import Terminal
import TrancheCore

/// The verdict, go or no go, from all rounds and the measured ceiling.
package struct RehearsalVerdict: Codable, Sendable {
    package struct Recovery: Codable, Sendable {
        package let fault: RehearsalFault
        package let times: Int
        package let p50Seconds: Double
        package let p99Seconds: Double
        package let worstSeconds: Double
        package let failed: Int
    }
    package struct Ceiling: Codable, Sendable {
        /// Durable orders per second of one unit, measured before the faults.
        package let ordersPerSecond: Double
        /// Requests per second that are expected at the busiest unit.
        package let expectedPerSecond: Double
        /// The ceiling must be at least this many times the expected rate.
        package static let margin = 2.0
        package init(ordersPerSecond: Double, expectedPerSecond: Double) {
            self.ordersPerSecond = ordersPerSecond
            self.expectedPerSecond = expectedPerSecond
        }
        package var isEnough: Bool { self.ordersPerSecond >= Self.margin * self.expectedPerSecond }
    }

    package let seed: UInt64
    package let rounds: [RehearsalOutcome]
    package let recoveries: [Recovery]
    package let ceiling: Ceiling
    /// The requested kinds of fault that did not run, with the reason.
    package let notRun: [String: String]
    package let isGo: Bool

    package init(seed: UInt64, rounds: [RehearsalOutcome], faults: [RehearsalFault], ceiling: Ceiling) {
        self.seed = seed
        self.rounds = rounds
        self.ceiling = ceiling
        let events = rounds.flatMap(\.events)
        self.recoveries = RehearsalFault.allCases.compactMap { fault in
            let mine = events.filter { $0.fault == fault }
            guard !mine.isEmpty else { return nil }
            let times = mine.compactMap(\.recoverySeconds).sorted()
            func percentile(_ part: Double) -> Double {
                times.isEmpty ? 0 : times[min(times.count - 1, Int((Double(times.count) * part).rounded(.up)) - 1)]
            }
            return Recovery(
                fault: fault, times: mine.count, p50Seconds: percentile(0.5), p99Seconds: percentile(0.99),
                worstSeconds: times.last ?? 0, failed: mine.count - times.count)
        }
        var notRun: [String: String] = [:]
        let done = Set(events.map(\.fault))
        for fault in faults where !done.contains(fault) {
            notRun[fault.rawValue] =
                fault == .fillDisk && rounds.contains { !$0.hadSmallDisk }
                ? "it needs root, to mount a small file system, and a stock of at most \(SmallDisk.stockLimit)"
                : "the rehearsal ended before it"
        }
        self.notRun = notRun
        self.isGo = rounds.allSatisfy(\.isGood) && ceiling.isEnough && !rounds.isEmpty
    }

    package func print() {
        func sum(_ value: (RehearsalOutcome) -> Int) -> Int { self.rounds.reduce(0) { $0 + value($1) } }
        Output.line(
            "\n" + Output.bold("Recovery")
                + ", from repair until the part works again (coordinators: from the fault until another one leads):")
        let rows = self.recoveries.map { one in
            [
                one.fault.rawValue, "\(one.times)", String(format: "%.2f s", one.p50Seconds),
                String(format: "%.2f s", one.p99Seconds), String(format: "%.2f s", one.worstSeconds),
                one.failed == 0 ? "" : "\(one.failed) did not",
            ]
        }
        for line in Output.table(["fault", "times", "p50", "p99", "worst", ""], rows) { Output.line("  " + line) }
        for (fault, why) in self.notRun.sorted(by: { $0.key < $1.key }) {
            Output.line(Output.dim("  not run: \(fault): \(why)"))
        }
        let settled = self.rounds.flatMap(\.settled)
        if !settled.isEmpty {
            Output.line("\n" + Output.bold("Stranded") + " by restored ledgers, and settled:")
            let rows = settled.map {
                ["\($0.unit), lot \($0.lot), generation \($0.generation.rawValue)", "\($0.outstanding)", "\($0.sold)"]
            }
            for line in Output.table(["account", "outstanding", "sold"], rows) { Output.line("  " + line) }
        }
        Output.line(
            "\n" + Output.bold("Ceiling")
                + " of one unit: \(Output.number(Int(self.ceiling.ordersPerSecond))) durable orders/s;"
                + " the busiest unit must expect \(Output.number(Int(self.ceiling.expectedPerSecond))) requests/s"
                + (self.ceiling.isEnough ? "" : Output.red(": not \(Ceiling.margin) times as much")))
        for round in self.rounds where !round.isGood {
            for fault in round.faults.prefix(10) { Output.line(Output.red("  seed \(round.seed): \(fault)")) }
        }
        Output.line(
            """
            \(Output.bold("Verdict")): \(self.rounds.count) sales, \(Output.number(sum(\.requests))) requests, \
            \(sum { $0.events.count }) faults; stock \(Output.number(sum(\.stock))) = paid \(Output.number(sum(\.paid))) \
            + held \(Output.number(sum(\.held))) + owed \(Output.number(sum(\.owed))) + unsold \(Output.number(sum(\.unsold))); \
            oversold \(sum(\.oversold)); \(Output.number(sum(\.acknowledged))) orders acknowledged, \
            \(sum(\.acknowledgedAndLost)) lost\
            \(sum(\.owed) > 0 ? "; owed: known only to ledgers that were replaced, and found again" : "")
            """)
        let untried = self.notRun.isEmpty ? "" : "; not tried: \(self.notRun.keys.sorted().joined(separator: ", "))"
        Output.line((self.isGo ? Output.green("GO") : Output.red("NO GO")) + untried)
    }
}
