import Foundation
import LoadGenerator
import Terminal
import TrancheAPI
import TrancheCore

/// The costs of one of everything, each measured on this machine by this command. Times are in microseconds of CPU,
/// except where a name says otherwise; sizes are in bytes, HTTP heads included.
struct PaperCosts: Codable {
    /// Of the center's process, for one report of a unit.
    let report: Double
    let reportBytes: Int
    let directivesBytes: Int
    /// The round of the leading coordinator: the center writes the state, and the coordinator reads it.
    let lookEncode: Double
    let lookDecode: Double
    let lookBytes: Int
    let heartbeatBytes: Int
    /// Of the coordinator's process, for one contest report without candidates, and what each candidate adds to it
    /// (reading, merging, and its part of a decision).
    let contestReport: Double
    let contestReportBytes: Int
    let contestReplyBytes: Int
    let candidate: Double
    let candidateBytes: Int
    let verdictBytes: Int
    let contest: ContestCost
    /// Of a unit and its Redis, for one order and for one refusal.
    let order: Double
    let refusal: Double

    static func measure(units: Int, lots: Int, seconds: Double, _ steps: Steps) async throws -> PaperCosts {
        let center = try await steps.run("center: reports of \(units) units about \(lots) lots") {
            try await CenterRun.run(units: units, seconds: seconds, lots: lots)
        }
        let coordinator = try await steps.run("coordinator: contest reports of \(units) units") {
            try await CoordinatorRun.run(units: units, seconds: seconds)
        }
        let contest = try await steps.run("a contest's decisions, and their way into the log") {
            try ContestCost.measure(units: units)
        }
        let (order, refusal) = try await steps.run("one unit: orders and refusals") {
            (
                try await Measuring.sample(UnitContender(), .orders, connections: 256, seconds: seconds),
                try await Measuring.sample(UnitContender(), .refusals, connections: 256, seconds: seconds)
            )
        }
        let state = PaperMessages.quota(units: units, lots: lots)
        let look = JSON.encode(state)
        func microseconds(_ body: () throws -> Void) throws -> Double {
            try median((0..<5).map { _ in try Stopwatch.nanoseconds(body) }) / 1e3
        }
        let empty = PaperMessages.contestReport(1, epoch: Epoch(1), base: 0, count: 0)
        let emptyBytes = ContestWire.encode(empty).count
        let fullBytes = ContestWire.encode(PaperMessages.contestReport(1, epoch: Epoch(1), base: 0, count: 100)).count
        let secret = String(repeating: "x", count: 43)
        let replies = [0, 100].map { ContestWire.encode(PaperMessages.contestReply(count: $0)).count }
        // All processes write the same fields around a body.
        let head = max(0, coordinator.answerBytes - replies[0])
        return PaperCosts(
            report: center.cpuMicroseconds, reportBytes: try CenterRun.reportBytes(lots: lots),
            directivesBytes: head + QuotaWire.encode(PaperMessages.directives(lots: lots)).count,
            lookEncode: try microseconds { _ = JSON.encode(state) },
            lookDecode: try microseconds { _ = try JSON.decode(LeaderQuota.self, from: look) },
            lookBytes: head + look.count, heartbeatBytes: PaperMessages.heartbeat(secret: secret).utf8.count + head,
            contestReport: coordinator.cpuMicroseconds,
            contestReportBytes: PaperMessages.contestHead(1, secret: secret, bytes: emptyBytes).utf8.count + emptyBytes,
            contestReplyBytes: head + replies[0],
            candidate: contest.candidateMicroseconds,
            candidateBytes: (fullBytes - emptyBytes) / 100, verdictBytes: (replies[1] - replies[0]) / 100,
            contest: contest, order: order.cpuMicroseconds, refusal: refusal.cpuMicroseconds)
    }
}
