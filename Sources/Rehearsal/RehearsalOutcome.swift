import LoadGenerator
import TrancheCore
import Verification

/// The outcome of one round, from the files and from the crowd's own list.
package struct RehearsalOutcome: Codable, Sendable {
    package let seed: UInt64
    package let stock: Int
    package let paid: Int
    package let held: Int
    /// Items that only replaced ledgers show as sold, and that were settled as sold.
    package let owed: Int
    package let unsold: Int
    package let stranded: Int
    package let oversold: Int
    package let acknowledged: Int
    package let acknowledgedAndLost: Int
    package let contradictions: [String]
    /// Broken invariants, with the findings.
    package let broken: [String]
    let settled: [StrandedDesk.Settled]
    let events: [Nemesis.Event]
    package var eventCount: Int { self.events.count }
    package let hadSmallDisk: Bool
    package let requests: Int
    package let latencyMilliseconds: [String: Double]
    package let seconds: Double
    /// Crashes of processes that were not faults of the rehearsal.
    package let crashes: [String]
    /// Items that forgers won, and double clicks that got two orders.
    package let forgedItems: Int
    package let splitClicks: [String]

    init(_ plan: RehearsalPlan, _ report: VerifyReport, _ seen: RehearsalRound.Seen) {
        let lot = report.lots.first { $0.lot == RehearsalPlan.lot.rawValue }
        self.seed = plan.seed
        self.stock = plan.stock
        self.paid = lot?.paid ?? 0
        self.held = lot?.held ?? 0
        self.owed = lot?.owed ?? 0
        self.unsold = lot?.unsold ?? plan.stock
        self.stranded = lot?.stranded ?? 0
        self.oversold = report.lots.reduce(0) { $0 + $1.oversold }
        self.acknowledged = seen.load.acknowledged.count + seen.probed.count
        let kept = report.checks.first { $0.invariant == "I4" }
        self.acknowledgedAndLost = kept?.verdict == .holds ? 0 : max(1, kept?.findings.count ?? 1)
        self.contradictions = seen.load.contradictions
        self.broken = report.checks.filter { $0.verdict == .broken }.flatMap { check in
            check.findings.map { "\(check.invariant): \($0)" }
        }
        self.settled = seen.settled
        self.events = seen.events
        self.hadSmallDisk = seen.hadSmallDisk
        self.requests = seen.load.requests
        self.latencyMilliseconds = seen.load.latency
        self.seconds = seen.seconds
        self.crashes = seen.crashes
        self.forgedItems = seen.load.figures(.forger).items
        self.splitClicks = seen.load.splitClicks
    }

    /// Why the round failed; empty if it succeeded.
    package var faults: [String] {
        var faults =
            self.crashes + self.broken + self.contradictions.map { "the same token got different answers: \($0)" }
        if self.oversold > 0 { faults.append("\(self.oversold) oversold") }
        if self.acknowledgedAndLost > 0 { faults.append("\(self.acknowledgedAndLost) acknowledged orders lost") }
        if self.forgedItems > 0 { faults.append("\(self.forgedItems) items were won with forged texts") }
        faults += self.splitClicks.map { "a double click got two orders: \($0)" }
        if self.unsold > 0 { faults.append("\(self.unsold) of \(self.stock) unsold") }
        if self.stranded > 0 { faults.append("\(self.stranded) stranded, and not settled") }
        if self.paid + self.held + self.owed != self.stock {
            faults.append("paid \(self.paid) + held \(self.held) + owed \(self.owed) is not \(self.stock)")
        }
        for event in self.events where event.recoverySeconds == nil {
            faults.append("\(event.target) did not work again after \(event.fault.rawValue)")
        }
        return faults
    }
    package var isGood: Bool { self.faults.isEmpty }
}
