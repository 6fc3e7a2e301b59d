import Foundation
import NIOConcurrencyHelpers
import PostgresClient
import Storage
import Terminal
import TrancheCore

/// Failovers of real servers, one after another, while a ledger takes orders.
final class FailoversRun {
    struct Result: Codable {
        var rounds = 0
        var roundSeconds: [Double] = []
        /// From the first act of a failover to the first order that a new incarnation has confirmed.
        var secondsUntilWriting: [Double] = []
        var confirmed = 0
        var lost = 0
        /// Orders in doubt of which the ledger said later that they lasted, or that they did not.
        var lasted = 0
        var voided = 0
        /// Processes that a newer one has shut out.
        var shutOut = 0
        var findings: [String] = []
    }

    /// After so many rounds another ledger begins: a start reads all of it.
    static let roundsPerLedger = 25
    /// In one of so many rounds another process takes the ledger over, while the old one rests.
    static let roundsPerTakeover = 5
    private static let secondsToWrite = 60.0

    private let servers: MeasuredServers
    private let steps: Steps
    private var writers: [LedgerWriter] = []
    private var target: PostgresTarget?
    private var (ledgers, seen) = (0, 0)
    private var result = Result()

    init(_ steps: Steps) throws { (self.servers, self.steps) = (try MeasuredServers(), steps) }

    func stop() {
        for writer in self.writers { writer.stop() }
        self.servers.stop()
    }

    func run(_ count: Int) throws -> Result {
        try self.servers.start()
        for round in 0..<count {
            if round % Self.roundsPerLedger == 0 { try self.nextLedger() }
            let start = ContinuousClock.now
            try self.round(round)
            self.result.rounds += 1
            self.result.roundSeconds.append(Self.seconds(.now - start))
            let wrote = self.result.secondsUntilWriting.last ?? 0
            self.steps.say(
                String(
                    format: "failover %d: writes again after %.2f s, the round took %.2f s, %d orders so far, %d lost",
                    round + 1, wrote, self.result.roundSeconds.last!, self.result.confirmed, self.result.lost))
        }
        try self.endLedger()
        return self.result
    }

    private func round(_ round: Int) throws {
        try self.waitForOrders(20)
        if round % Self.roundsPerTakeover == Self.roundsPerTakeover - 1 { try self.takeOver() }
        let start = ContinuousClock.now
        let old = try self.servers.failOver(livesOn: round % 2 == 1)
        let again = try self.firstOrder(behind: start)
        self.result.secondsUntilWriting.append(Self.seconds(again - start))
        try self.servers.takeBack(old)
        try self.check()
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private func nextLedger() throws {
        try self.endLedger()
        self.ledgers += 1
        _ = try self.servers.leading.ask("CREATE DATABASE ledger\(self.ledgers)")
        let text = MeasuredServer.target(self.servers.servers, database: "ledger\(self.ledgers)")
        self.target = try PostgresTarget(text)
        self.addWriter()
    }

    private func addWriter() {
        let writer = LedgerWriter(self.target!, number: UInt64(self.writers.count + 1))
        self.writers.append(writer)
        writer.start()
    }

    /// Stops the writers, and reads the whole ledger.
    private func endLedger() throws {
        guard let target else { return }
        for writer in self.writers { writer.stop() }
        try self.check()
        let states = self.writers.map { $0.state.withLockedValue { $0 } }
        let findings = try LedgerCheck.findings(states, .postgres(target))
        self.result.findings += findings
        self.result.lasted += states.reduce(0) { $0 + $1.answers.values.count { $0 } }
        self.result.voided += states.reduce(0) { $0 + $1.answers.values.count { !$0 } }
        (self.writers, self.target, self.seen) = ([], nil, 0)
    }

    /// Another process takes the ledger over while the old one rests, as on a paused machine. When that one goes on, it must
    /// be refused, and end.
    private func takeOver() throws {
        let old = self.newest
        old.state.withLockedValue { $0.mustRest = true }
        try self.wait("the old process does not rest") { old.state.withLockedValue { $0.isResting } }
        self.addWriter()
        try self.waitForOrders(5)
        old.state.withLockedValue { $0.mustRest = false }
        try self.wait("the old process goes on") { old.state.withLockedValue { $0.ending != nil } }
        self.result.shutOut += 1
    }

    private var newest: LedgerWriter { self.writers[self.writers.count - 1] }

    private func waitForOrders(_ count: Int) throws {
        let before = self.newest.state.withLockedValue { $0.confirmed.count }
        try self.wait("no orders are confirmed") {
            self.newest.state.withLockedValue { $0.confirmed.count } >= before + count
        }
    }

    private func firstOrder(behind start: ContinuousClock.Instant) throws -> ContinuousClock.Instant {
        var found: ContinuousClock.Instant?
        try self.wait("nothing is confirmed after a failover") {
            found = self.newest.state.withLockedValue { state in
                guard let begun = state.begun.first(where: { $0.at > start }) else { return nil }
                return state.confirmed.first { $0.incarnation >= begun.incarnation }?.at
            }
            return found != nil
        }
        return found!
    }

    private func wait(_ otherwise: String, until condition: () -> Bool) throws {
        let end = ContinuousClock.now + .seconds(Self.secondsToWrite)
        while !condition() {
            guard ContinuousClock.now < end else {
                let failures = self.writers.suffix(2).map { writer in
                    let state = writer.state.withLockedValue { $0 }
                    return "\(state.failures) failures, last: \(state.lastFailure.map { "\($0)" } ?? "none")"
                }
                throw CommandError(
                    "\(otherwise) for \(Int(Self.secondsToWrite)) s; \(failures.joined(separator: "; "))")
            }
            usleep(2_000)
        }
    }

    /// Looks for all orders that were confirmed since the last check.
    private func check() throws {
        let confirmed = self.writers.flatMap { $0.state.withLockedValue { $0.confirmed } }
            .sorted { $0.head.position < $1.head.position }
        let fresh = Array(confirmed.dropFirst(self.seen))
        self.seen = confirmed.count
        self.result.confirmed += fresh.count
        self.result.lost += try LedgerCheck.missing(fresh, self.target!)
    }
}
