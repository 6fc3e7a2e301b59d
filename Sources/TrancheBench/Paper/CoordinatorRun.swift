import Clusters
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

/// A coordinator that leads, and units that send it contest reports as fast as it answers. The lot is not contested,
/// so each report is read and answered at once: the cost of the message without the merge.
struct CoordinatorRun: Codable {
    let units: Int
    let reportsPerSecond: Double
    let cpuMicroseconds: Double
    /// Bytes of one answer, with its HTTP head.
    let answerBytes: Int

    static func run(units: Int, seconds: Double) async throws -> CoordinatorRun {
        try await PlainCluster.run { cluster, layout in
            try await cluster.start()
            try await cluster.waitUntilHealthy()
            let (port, part, epoch) = try await self.leader(layout)
            var tape = RequestTape()
            for number in 1...units { self.append(number, epoch, layout, to: &tape) }
            var drive = Drive(port: port, connections: min(units, 64), seconds: seconds)
            drive.repeats = true
            let process = cluster.process(part) ?? 0
            let before = ProcessFigures.cpuSeconds([process])
            let result = try await drive.run(tape)
            let cpu = ProcessFigures.cpuSeconds([process]) - before
            guard let answered = result.statuses[200], answered == result.answers else {
                throw CommandError("the coordinator's answers: \(result.codes)")
            }
            return CoordinatorRun(
                units: units, reportsPerSecond: result.perSecond.rounded(),
                cpuMicroseconds: cpu / Double(answered) * 1e6, answerBytes: result.received / answered)
        }
    }

    /// Waits until one of the two coordinators leads.
    private static func leader(_ layout: ClusterLayout) async throws -> (Int, LocalCluster.Part, Epoch) {
        let client = AdminClient(layout)
        for _ in 0..<200 {
            let state = try await client.quota()
            if state.coordinatorURL == layout.coordinatorURL {
                return (layout.coordinatorPort, .coordinator, state.coordinatorEpoch)
            }
            if state.coordinatorURL == layout.standbyURL {
                return (layout.standbyPort, .standby, state.coordinatorEpoch)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandError("no coordinator leads within 10 s")
    }

    private static func append(_ number: Int, _ epoch: Epoch, _ layout: ClusterLayout, to tape: inout RequestTape) {
        let secret = layout.secrets(ofUnit: UnitID(UInt16(number)))["TRANCHE_CONTEST_SECRET"] ?? ""
        let body = ContestWire.encode(PaperMessages.contestReport(number, epoch: epoch, base: 0, count: 0))
        tape.append(PaperMessages.contestHead(number, secret: secret, bytes: body.count), body: body)
    }
}
