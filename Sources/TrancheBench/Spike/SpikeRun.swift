import Clusters
import LoadGenerator
import Terminal
import TrancheCore
import Verification

/// What one unit does with one profile of arrivals.
struct SpikeRun: Codable {
    /// Seconds after the last request is due in which the run still waits for answers.
    static let patienceSeconds = 30.0

    let profile: String
    let stock: Int
    let connections: Int
    /// Requests of the profile, and the time in which they are due.
    let due: Int
    let dueSeconds: Double
    /// Requests that left the generator: within the time of the profile, and in all.
    let sentInTime: Int
    let sent: Int
    /// Answers by status and problem code.
    let answers: [String: Int]
    /// Requests that left and got no answer: their connection broke, or the run ended.
    let unanswered: Int
    /// Connections that broke with a request on them, and connections that the unit refused.
    let brokenConnections: Int
    let refusedConnections: Int
    /// From the time when a request was due to its answer, for all answers.
    let p50Milliseconds: Double
    let p99Milliseconds: Double
    let p999Milliseconds: Double
    /// From the start until the last 201, and until the last answer; `nil` if there was none.
    let lastSoldSeconds: Double?
    let lastAnswerSeconds: Double?
    /// The most resident memory of the unit's process since its start.
    let peakMegabytes: Double
    /// CPU time of the unit and its Redis, and of the generator beside them.
    let cpuSeconds: Double
    let generatorSeconds: Double

    var sold: Int { self.answers["201"] ?? 0 }

    /// Starts a unit, sends the profile, and looks every 201 up in the ledger.
    ///
    /// - Parameter ownLimits: Whether the unit keeps its own limits of connections, although all come from one address.
    /// - Throws: ``PurchaseRun/Unsound``, with the findings.
    static func run(_ profile: ArrivalProfile, stock: Int, connections: Int, ownLimits: Bool, _ steps: Steps)
        async throws -> SpikeRun
    {
        // Some connections of the unit's limit belong to the commands that open the sale.
        let unit = MeasuredUnit(
            lots: [MeasuredUnit.lot(MeasuredUnit.lot, stock: stock)], connections: ownLimits ? nil : connections + 64)
        return try await Stopping.run({ await unit.stop() }) {
            try await steps.run("\(profile.name): starting a unit") { try await unit.start() }
            let count = profile.due.count
            let tape = await steps.run("\(profile.name): preparing \(Output.number(count)) requests") {
                unit.buyTape(count: count)
            }
            let (run, created) = try await steps.run("\(profile.name): sending") {
                try await self.send(profile, tape, unit, stock: stock, connections: connections)
            }
            try await steps.run("\(profile.name): looking \(Output.number(created.count)) orders up in the ledger") {
                try await self.verify(unit, created.map { tape.orders[$0] })
            }
            return run
        }
    }

    private static func send(
        _ profile: ArrivalProfile, _ tape: BuyTape, _ unit: MeasuredUnit, stock: Int, connections: Int
    ) async throws -> (run: SpikeRun, created: [Int]) {
        let seconds = Double(profile.length) / 1e6
        var drive = Drive(port: unit.port, connections: connections, seconds: seconds + self.patienceSeconds)
        drive.pace = .arrivals(profile)
        let processes = [unit.process, unit.cluster?.process(.redis(MeasuredUnit.name)) ?? 0]
        let before = ProcessFigures.cpuSeconds(processes)
        let result = try await drive.run(tape.tape)
        guard result.sent > 0 else {
            throw CommandError("the unit accepted no connection of \(connections); see the log of the unit")
        }
        let run = SpikeRun(
            profile: profile.name, stock: stock, connections: connections, due: profile.due.count, dueSeconds: seconds,
            sentInTime: result.sentInTime, sent: result.sent, answers: result.codes, unanswered: result.unanswered,
            brokenConnections: result.broken, refusedConnections: result.refused,
            p50Milliseconds: result.p50Milliseconds, p99Milliseconds: result.p99Milliseconds,
            p999Milliseconds: result.p999Milliseconds, lastSoldSeconds: result.lastCreatedSeconds,
            lastAnswerSeconds: result.lastAnswerSeconds,
            peakMegabytes: Double(ProcessFigures.peakBytes(unit.process)) / 1e6,
            cpuSeconds: ProcessFigures.cpuSeconds(processes) - before, generatorSeconds: result.generatorSeconds)
        return (run, result.created)
    }

    private static func verify(_ unit: MeasuredUnit, _ acknowledged: [OrderID]) async throws {
        guard let cluster = unit.cluster, let folder = unit.folder else {
            throw CommandError("the unit is not running")
        }
        await cluster.stop()
        let report = try Verifier(folder: folder.path, acknowledged: acknowledged).report()
        guard report.isSound else { throw PurchaseRun.Unsound(report: report) }
    }
}
