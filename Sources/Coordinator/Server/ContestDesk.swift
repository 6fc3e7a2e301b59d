import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The contests that this coordinator leads. Units report here, and ``LeaderLoop`` gets the decisions here.
final class ContestDesk: Sendable {
    /// How long an answer without news is held back, in milliseconds. A decision that is made meanwhile leaves with it,
    /// and need not wait for the unit's next report.
    static let holdMilliseconds = 15

    /// Earlier verdicts that a unit asks for, and that this leader does not have.
    struct Missing: Hashable {
        let lot: LotID
        let unit: UnitID
        let from: Int
    }

    private struct State {
        var epoch = Epoch(0)
        var merges: [LotID: ContestMerge] = [:]
        /// One for each lot and unit at most.
        var missing: [LotID: [UnitID: Int]] = [:]
        var clocks = ClockJudge()
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var waitCount: UInt64 = 0
    }
    private let state = NIOLockedValueBox(State())
    /// The units' names, as the center said last. They outlive a lead: another leader hears the same ones.
    private let names = NIOLockedValueBox<[UnitID: String]>([:])
    private let telemetry: Telemetry

    init(telemetry: Telemetry) { self.telemetry = telemetry }

    func hear(names: [UnitID: String]) { self.names.withLockedValue { $0 = names } }

    /// What is known about a unit's number and the name in its certificate.
    func naming(_ unit: UnitID, _ name: String) -> UnitNaming {
        let names = self.names.withLockedValue { $0 }
        guard names[unit] != nil else { return .unknown }
        return UnitNaming(unit, named: name, in: names.map { (id: $0.key, name: $0.value) })
    }

    /// A new leader starts without any state of the one before it.
    func begin(_ epoch: Epoch) { self.reset(to: epoch) }

    func end() { self.reset(to: Epoch(0)) }

    private func reset(to epoch: Epoch) {
        let waiting = self.state.withLockedValue { state in
            let waiting = state.waiting
            state = State(epoch: epoch, waitCount: state.waitCount)
            return waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    var lots: [LotID] { self.state.withLockedValue { $0.merges.keys.sorted() } }

    /// Adds a contest from the log.
    func add(_ lot: LotID, _ book: ContestBook, tieSecret: String, _ stock: ContestMerge.Stock) {
        let tie = TieKey(secret: tieSecret)
        self.state.withLockedValue { state in
            var merge = ContestMerge(lot: lot, book: book, now: SystemClock.now(), tie: { tie($0) })
            merge.observe(stock)
            state.merges[lot] = merge
        }
    }

    /// Forgets a contest: it is read again from the log.
    func remove(_ lot: LotID) {
        self.state.withLockedValue { state in
            state.merges[lot] = nil
            state.missing[lot] = nil
        }
    }

    /// The next verdicts to fetch from the center, if any.
    func takeMissing() -> Missing? {
        self.state.withLockedValue { state in
            guard let lot = state.missing.keys.min(), let unit = state.missing[lot]?.keys.min(),
                let from = state.missing[lot]?.removeValue(forKey: unit)
            else { return nil }
            if state.missing[lot]?.isEmpty == true { state.missing[lot] = nil }
            return Missing(lot: lot, unit: unit, from: from)
        }
    }

    /// Takes in verdicts that were fetched. Answers that wait leave with them.
    func recall(_ page: VerdictPage) {
        let waiting = self.state.withLockedValue { state in
            state.merges[page.lot]?.recall(page.verdicts, of: page.unit, from: page.from)
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    func observe(_ lot: LotID, _ stock: ContestMerge.Stock) {
        self.state.withLockedValue { $0.merges[lot]?.observe(stock) }
    }

    /// The next batches, one per lot at most. Each must be in the log before ``committed(_:_:_:)``.
    func decide() -> [(lot: LotID, batch: ContestBatch)] {
        let now = SystemClock.now()
        return self.state.withLockedValue { state in
            state.merges.keys.sorted().compactMap { lot in state.merges[lot]!.decide(now: now).map { (lot, $0) } }
        }
    }

    func committed(_ lot: LotID, _ batch: ContestBatch, _ ack: ContestAck) {
        let waiting = self.state.withLockedValue { state in
            state.merges[lot]?.committed(
                batch.number, pool: ack.pool, coming: ack.coming, mayReturn: ack.mayReturn)
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
        self.telemetry.count("tranche_contest_batches_total", "Decisions in the log.")
        self.telemetry.count("tranche_contest_passed_total", "Requests that got a place.", by: batch.passed.count)
        self.telemetry.count(
            "tranche_contest_late_total",
            "Requests that came too late for their stamp, or with a clock that is not trusted.",
            by: batch.passed.count { $0.isLate })
        self.telemetry.count("tranche_contest_allocated_total", "Requests that got stock.", by: batch.allocated.count)
        self.telemetry.count("tranche_contest_released_total", "Requests that got none.", by: batch.released.count)
    }

    /// Takes in a unit's report and returns the answer: at once if there is news for the unit, otherwise after a
    /// decision or ``holdMilliseconds``.
    ///
    /// - Throws: ``Problem`` with code `not_leading`: the center names the leader in its next directives.
    func report(_ report: ContestReport, receivedAt: Instant) async throws(Problem) -> ContestReplyEnvelope {
        try self.take(report, receivedAt: receivedAt)
        var reply = try self.reply(to: report)
        if !Self.hasNews(reply) {
            await self.waitForNews()
            reply = try self.reply(to: report)
        }
        let sentAt = SystemClock.now()
        self.state.withLockedValue { $0.clocks.answered(report.unit, at: sentAt) }
        return ContestReplyEnvelope(reply: reply, receivedAt: receivedAt, sentAt: sentAt)
    }

    private static func hasNews(_ reply: ContestReply) -> Bool {
        reply.lots.isEmpty || reply.lots.contains { !$0.isTaken || !$0.verdicts.isEmpty || $0.positions != nil }
    }

    private func take(_ report: ContestReport, receivedAt: Instant) throws(Problem) {
        let isLeading = self.state.withLockedValue { state -> Bool in
            guard state.epoch == report.epoch, state.epoch > Epoch(0) else { return false }
            state.clocks.observe(wall: SystemClock.now(), monotonic: SystemClock.monotonic())
            let isTrusted =
                state.clocks.isTrusted(report.unit, echo: report.echo, sentAt: report.sentAt, receivedAt: receivedAt)
                && report.isTrusted
            for lot in report.lots {
                state.merges[lot.lot]?.receive(
                    lot, from: report.unit, generation: report.generation, isTrusted: isTrusted, now: receivedAt)
            }
            return true
        }
        if !isLeading { throw Self.notLeading(report.epoch) }
        self.measure(report, receivedAt: receivedAt)
    }

    /// Measures how long requests were on their way, by the clocks of unit and coordinator. The figure shows a unit
    /// with a wrong clock.
    private func measure(_ report: ContestReport, receivedAt: Instant) {
        let stamps = report.lots.compactMap { $0.candidates.last?.stamp.instant.microseconds }
        guard let newest = stamps.max() else { return }
        self.telemetry.set(
            "tranche_contest_lag_seconds", "From a request's stamp to its arrival here, by unit.",
            labels: "unit=\"\(report.unit)\"", to: Double(receivedAt.microseconds &- newest) / 1e6)
        let broken = self.state.withLockedValue { $0.merges.values.reduce(0) { $0 + $1.brokenPromises } }
        self.telemetry.set(
            "tranche_contest_broken_promises", "Requests below a watermark that their own unit had sent.",
            to: Double(broken))
    }

    private func reply(to report: ContestReport) throws(Problem) -> ContestReply {
        let now = SystemClock.now()
        let reply = self.state.withLockedValue { state -> ContestReply? in
            guard state.epoch == report.epoch else { return nil }
            let lots = report.lots.map { lot in
                if let from = state.merges[lot.lot]?.missing(report.unit, heard: lot.heard) {
                    state.missing[lot.lot, default: [:]][report.unit] = from
                }
                return state.merges[lot.lot]?.reply(
                    to: report.unit, generation: report.generation, heard: lot.heard, now: now)
                    ?? ContestReply.notTaken(lot.lot)
            }
            return ContestReply(epoch: state.epoch, generation: report.generation, lots: lots)
        }
        guard let reply else { throw Self.notLeading(report.epoch) }
        return reply
    }

    private func waitForNews() async {
        let number = self.state.withLockedValue { state in
            state.waitCount += 1
            return state.waitCount
        }
        await withCheckedContinuation { continuation in
            self.state.withLockedValue { $0.waiting[number] = continuation }
            // The timer starts after the continuation is stored. Otherwise it could find none to resume.
            Task {
                try? await Task.sleep(for: .milliseconds(Self.holdMilliseconds))
                self.state.withLockedValue { $0.waiting.removeValue(forKey: number) }?.resume()
            }
        }
    }

    private static func notLeading(_ epoch: Epoch) -> Problem {
        Problem(
            status: 409, code: "not_leading", detail: "this coordinator does not lead epoch \(epoch.rawValue)",
            retryAfter: 1)
    }
}
