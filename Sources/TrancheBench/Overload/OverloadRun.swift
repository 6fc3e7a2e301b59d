import Clusters
import DaemonSupport
import Foundation
import LoadGenerator
import Terminal
import TrancheCore
import Verification

/// What a unit, or a gate, does in a storm, and after it.
struct OverloadRun: Codable {
    struct Plan {
        let ceilingSeconds: Double
        let stormSeconds: Double
        let factor: Double
        let connections: Int
        let batch: Int
        /// Server and generator have a processor each, in the ceiling's measurement as in the storm. Otherwise they share all
        /// processors, and the generator takes from the server what it needs to ask.
        let isApart: Bool

        var generatorProcessor: Int? { self.isApart ? OverloadRun.generatorProcessor : nil }
        var setup: String {
            let place =
                self.isApart
                ? "server, its Redis and its center on processor \(OverloadRun.serverProcessor), generator on processor "
                    + "\(OverloadRun.generatorProcessor)" : "server and generator share \(Processors.count) processors"
            return place + "; ceiling: \(OverloadRun.ceilingConnections) connections, one request each; storm: "
                + "\(self.connections) connections, \(self.batch) in a piece"
        }
    }
    static let (serverProcessor, generatorProcessor) = (0, 1)
    static let ceilingConnections = 64
    /// The calm load, as a part of the ceiling.
    static let calmPart = 0.25
    static let calmSeconds = 3.0
    static let laterSeconds = 12.0
    /// Buyers of the storm at a time: who has an order makes room for a new one, and the others ask again. They are more than
    /// the connections can have under way.
    static let stormBuyers = 200_000

    let target: String
    let setup: String
    let ceilingPerSecond: Double
    let stormSeconds: Double
    let askedSeconds: Double
    let askedCeilings: Double
    /// What left the generator.
    let offeredPerSecond: Double
    let offeredCeilings: Double
    let goodputPerSecond: Double
    let goodputPercent: Double
    let admittedP50Milliseconds: Double
    let admittedP99Milliseconds: Double
    /// Answers of the storm by status and problem code.
    let answers: [String: Int]
    let unanswered: Int
    let calmP99Milliseconds: Double
    let laterP99Milliseconds: Double
    /// From the end of the storm; `nil` if the latency did not become normal while it was watched.
    let normalAfterSeconds: Double?
    let serverSeconds: Double
    let generatorSeconds: Double

    /// A server, and how to ask it.
    private struct Subject {
        let name: String
        let port: Int
        let processes: [Int32]
        /// So many requests of new buyers, and those behind them.
        let tape: (Int) -> Requests
    }
    private struct Requests {
        let tape: RequestTape
        let renewal: @Sendable (Int) -> String
    }

    static func unit(_ plan: Plan, _ steps: Steps) async throws -> OverloadRun {
        let unit = MeasuredUnit(
            lots: [MeasuredUnit.lot(MeasuredUnit.lot, stock: MeasuredUnit.stock)],
            connections: plan.connections + 2 * self.ceilingConnections + 64)
        if plan.isApart { try Processors.keepProcess(to: self.serverProcessor) }
        return try await Stopping.run({ await unit.stop() }) {
            try await steps.run("starting a unit") { try await unit.start() }
            var tapes: [BuyTape] = []
            let subject = Subject(
                name: "unit", port: unit.port,
                processes: [unit.process, unit.cluster?.process(.redis(MeasuredUnit.name)) ?? 0]
            ) { count in
                let tape = unit.buyTape(count: count)
                tapes.append(tape)
                return Requests(tape: tape.tape) { tape.requests.request($0) }
            }
            let (run, created) = try await self.measure(subject, plan, steps)
            // Tapes in the order in which they were made: ceiling, calm, storm, calm.
            let orders = zip(tapes, created).flatMap { tape, numbers in numbers.map { tape.requests.order($0) } }
            try await steps.run("looking \(Output.number(orders.count)) orders up in the ledger") {
                guard let cluster = unit.cluster, let folder = unit.folder else {
                    throw CommandError("the unit is not running")
                }
                await cluster.stop()
                let report = try Verifier(folder: folder.path, acknowledged: orders).report()
                guard report.isSound else { throw PurchaseRun.Unsound(report: report) }
            }
            return run
        }
    }

    static func gate(_ plan: Plan, _ steps: Steps) async throws -> OverloadRun {
        let gate = MeasuredGate()
        if plan.isApart { try Processors.keepProcess(to: self.serverProcessor) }
        return try await Stopping.run({ await gate.stop() }) {
            try await steps.run("starting a gate") { try await gate.start() }
            let subject = Subject(name: "gate", port: gate.port, processes: gate.processes) {
                Requests(tape: gate.tape(.tokens, count: $0), renewal: gate.renewal(.tokens))
            }
            return try await self.measure(subject, plan, steps).run
        }
    }

    /// - Returns: Also the numbers of the requests that were answered 201, by tape: ceiling, calm, storm, calm.
    private static func measure(
        _ subject: Subject, _ plan: Plan, _ steps: Steps
    ) async throws -> (run: OverloadRun, created: [Set<Int>]) {
        let ceiling = try await steps.run("the ceiling, in closed loop") {
            var drive = Drive(
                port: subject.port, connections: self.ceilingConnections, seconds: plan.ceilingSeconds)
            let requests = subject.tape(Int(plan.ceilingSeconds * 30_000))
            (drive.repeats, drive.renewal, drive.processor) = (true, requests.renewal, plan.generatorProcessor)
            return try await drive.run(requests.tape)
        }
        let perSecond = ceiling.perSecond(201)
        guard perSecond >= 1 else { throw CommandError("the \(subject.name) created nothing: \(ceiling.codes)") }
        let calm = try await steps.run("a calm load") {
            try await self.calm(subject, plan, perSecond, seconds: self.calmSeconds)()
        }
        let requests = await steps.run("preparing the requests of the storm") { subject.tape(self.stormBuyers) }
        let later = self.calm(subject, plan, perSecond, seconds: self.laterSeconds)
        var drive = Drive(port: subject.port, connections: plan.connections, seconds: plan.stormSeconds)
        drive.pace = .storm(perSecond: perSecond * plan.factor)
        (drive.repeats, drive.renewal) = (true, requests.renewal)
        (drive.batch, drive.processor) = (plan.batch, plan.generatorProcessor)
        let storming = drive
        let before = ProcessFigures.cpuSeconds(subject.processes)
        let storm = try await steps.run("the storm") { try await storming.run(requests.tape) }
        let endedAt = ContinuousClock.now
        let used = ProcessFigures.cpuSeconds(subject.processes) - before
        let startedLater = Self.seconds(since: endedAt)
        let after = try await steps.run("the calm load again") { try await later() }
        let created = [ceiling, calm, storm, after].map { Set($0.created) }
        let goodput = Double(created[2].count) / storm.seconds
        let run = OverloadRun(
            target: subject.name, setup: plan.setup, ceilingPerSecond: perSecond, stormSeconds: storm.seconds,
            askedSeconds: plan.stormSeconds, askedCeilings: plan.factor,
            offeredPerSecond: Double(storm.sent) / storm.seconds,
            offeredCeilings: Double(storm.sent) / storm.seconds / perSecond, goodputPerSecond: goodput,
            goodputPercent: goodput / perSecond * 100, admittedP50Milliseconds: storm.createdP50Milliseconds,
            admittedP99Milliseconds: storm.createdP99Milliseconds, answers: storm.codes,
            unanswered: storm.unanswered, calmP99Milliseconds: calm.p99Milliseconds,
            laterP99Milliseconds: after.p99Milliseconds,
            normalAfterSeconds: self.normal(after.times, calm.p99Milliseconds).map { startedLater + $0 },
            serverSeconds: used, generatorSeconds: storm.generatorSeconds)
        return (run, created)
    }

    /// Prepares a load that the server can carry, so that it can begin at once.
    private static func calm(
        _ subject: Subject, _ plan: Plan, _ ceiling: Double, seconds: Double
    ) -> () async throws -> Drive.Result {
        let rate = ceiling * self.calmPart
        let tape = subject.tape(Int(rate * seconds) + 1).tape
        var drive = Drive(port: subject.port, connections: self.ceilingConnections, seconds: seconds)
        drive.pace = .open(perSecond: rate)
        (drive.keepsTimes, drive.processor) = (true, plan.generatorProcessor)
        let prepared = drive
        return { try await prepared.run(tape) }
    }

    /// The first moment from which on every half second is normal: all are admitted, and 99 % of the answers take at most
    /// twice as long as before the storm, or 50 ms.
    static func normal(_ times: [Drive.AnswerTime], _ calmMilliseconds: Double) -> Double? {
        let limit = max(50, 2 * calmMilliseconds)
        let spans = Dictionary(grouping: times) { Int($0.seconds * 2) }
        guard let last = spans.keys.max() else { return nil }
        var normalFrom: Int?
        for span in 0...last {
            let answers = spans[span] ?? []
            let late = answers.count { $0.latencyMilliseconds > limit || $0.status != 201 }
            if !answers.isEmpty, late * 100 <= answers.count {
                normalFrom = normalFrom ?? span
            } else if span < last {
                normalFrom = nil
            }
        }
        return normalFrom.map { Double($0) / 2 }
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let passed = (ContinuousClock.now - start).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }
}
