import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// The contests that this coordinator leads: units report here, and the lead takes its decisions from here.
final class ContestDesk: Sendable {
    private struct State {
        var epoch = Epoch(0)
        var merges: [LotID: ContestMerge] = [:]
    }
    private let state = NIOLockedValueBox(State())
    private let telemetry: Telemetry

    init(telemetry: Telemetry) { self.telemetry = telemetry }

    /// A new reign begins with nothing.
    func begin(_ epoch: Epoch) { self.state.withLockedValue { $0 = State(epoch: epoch) } }

    func end() { self.state.withLockedValue { $0 = State() } }

    var lots: [LotID] { self.state.withLockedValue { $0.merges.keys.sorted() } }

    /// Takes a contest over from the log.
    func add(_ lot: LotID, _ document: ContestDocument, _ stock: ContestMerge.Stock) {
        let tie = TieKey(secret: document.tieSecret)
        self.state.withLockedValue { state in
            var merge = ContestMerge(lot: lot, book: document.book, now: SystemClock.now(), tie: { tie($0) })
            merge.observe(stock)
            state.merges[lot] = merge
        }
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
        self.state.withLockedValue {
            $0.merges[lot]?.committed(batch.number, pool: ack.pool, mayReturn: ack.mayReturn)
        }
        self.telemetry.count("tranche_contest_batches_total", "Decisions in the log.")
        self.telemetry.count("tranche_contest_passed_total", "Requests that got a place.", by: batch.passed.count)
        self.telemetry.count(
            "tranche_contest_late_total", "Requests that came too late for their stamp, or with a clock not believed.",
            by: batch.passed.count { $0.isLate })
        self.telemetry.count("tranche_contest_allocated_total", "Requests that got stock.", by: batch.allocated.count)
        self.telemetry.count("tranche_contest_released_total", "Requests that got none.", by: batch.released.count)
    }

    /// A unit's report, and the answer to it.
    ///
    /// - Throws: ``Problem`` with code `not_leading`: the center names the leader in its next directives.
    func report(_ report: ContestReport, receivedAt: Instant) throws(Problem) -> ContestReplyEnvelope {
        let reply = self.state.withLockedValue { state -> ContestReply? in
            guard state.epoch == report.epoch, state.epoch > Epoch(0) else { return nil }
            var lots: [ContestReply.Lot] = []
            for lot in report.lots {
                guard state.merges[lot.lot] != nil else {
                    lots.append(ContestReply.notTaken(lot.lot))
                    continue
                }
                state.merges[lot.lot]!.receive(
                    lot, from: report.unit, generation: report.generation, isTrusted: report.isTrusted, now: receivedAt)
                lots.append(
                    state.merges[lot.lot]!.reply(
                        to: report.unit, generation: report.generation, heard: lot.heard, now: receivedAt))
            }
            return ContestReply(epoch: state.epoch, generation: report.generation, lots: lots)
        }
        guard let reply else {
            throw Problem(
                status: 409, code: "not_leading",
                detail: "this coordinator does not lead epoch \(report.epoch.rawValue)",
                retryAfter: 1)
        }
        return ContestReplyEnvelope(reply: reply, receivedAt: receivedAt, sentAt: SystemClock.now())
    }
}
