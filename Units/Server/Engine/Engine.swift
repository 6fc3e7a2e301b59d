import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import Sockets
import Storage
import TrancheCore

/// The engine's calls to the center.
protocol CenterCalls: Sendable {
    func register(_ request: RegisterRequest)
    func report(_ report: UnitReport, load: LoadFigures)
}

/// The engine's calls to the leading coordinator in a contest.
protocol CoordinatorCalls: Sendable {
    func report(_ report: ContestReport, to coordinator: CoordinatorAddress)
}

/// The thread that owns a unit's machine and its ledger.
///
/// Each round takes all requests and events that wait, passes them to the machine, and carries its output out. All
/// entries of a round are one transaction. While the commit waits for the disk, Redis takes the step of the same batch.
final class Engine: UnitShell, @unchecked Sendable {  // The thread has all but `status`, which has a lock.
    static let tickSeconds = 0.05
    static let reportSeconds = 0.2

    struct Status: Sendable {
        var isRegistered = false
        var mayIssue = false
        var unprimed: [LotID] = []
        /// The book's own, which is copied only when it changes; ``refunds`` are read from it where they are asked for.
        var money: [OrderID: OrderMoney] = [:]
        /// Orders about which the provider is asked, and refunds that it has not carried out.
        var questionsOpen = 0
        var refundsOpen = 0
        var failure: String?
        var counters: [LotID: QuotaCounters] = [:]

        /// All refunds, those that are done included, by order and number.
        var refunds: [Refund] { self.money.values.flatMap(\.refunds).sorted { $0.key < $1.key } }
        var refundCount: Int { self.money.values.reduce(0) { $0 + $1.refunds.count } }
    }

    /// The parts that the engine works with. Its thread alone uses those that have no lock.
    struct Parts {
        let ledger: any LedgerStore
        let intake: Intake
        let waiters: Waiters
        let redis: RedisCalls
        let archive: ArchiveWorker
        let outbox: Outbox
        /// `nil` if there is no payment provider: the machine asks for nothing then.
        let provider: ProviderDesk?
        let poller: Poller
        let center: any CenterCalls
        let coordinator: any CoordinatorCalls
        let watch: OrderWatch
        let telemetry: Telemetry
        /// Of the engine's thread.
        let tally: UnitTally
        /// Beats once in each turn of the engine's loop, whether the ledger is there or not.
        let pulse: Pulse
        let logger: Logger
        /// Threads that serve buyers.
        let lanes: Int
    }

    let parts: Parts
    let settings: UnitMachine.Settings
    let status = NIOLockedValueBox(Status())
    var currentStatus: Status { self.status.withLockedValue { $0 } }
    var machine: UnitMachine
    var rules: [LotRules]
    // Pauses go by the clock that never steps: a wall clock that is set back by an hour must not stop expiry for an
    // hour.
    private var nextTick = SystemClock.monotonic()
    private var nextReport = SystemClock.monotonic()
    private var nextContestReport = Instant.distantFuture
    /// The moment of the present round.
    private(set) var now = Moment(wall: .distantPast, steady: .distantPast)
    private var isClosing = false
    var reportedFailure: StorageError?
    /// The changes of the list of refunds that the status has; below 0 for none.
    var publishedRefunds = -1
    var isAhead = false
    /// Why a proof could not be read in this round: a proof that is left out would say that the ledger was set back.
    var unreadProof: StorageError?
    private var meter: EngineMeter
    private var joining = JoiningWait()

    /// Takes the ledger over.
    ///
    /// - Parameters:
    ///   - book: The fold of the ledger.
    ///   - rules: The last configuration, if there was one.
    ///   - settings: Of each machine.
    init(
        _ parts: Parts, book: UnitBook, rules: [LotRules], settings: UnitMachine.Settings
    ) throws(StorageError) {
        (self.parts, self.settings) = (parts, settings)
        self.rules = rules
        self.meter = EngineMeter(lanes: parts.lanes)
        self.machine = try Self.takeOver(parts.ledger, book, settings)
        self.started()
    }

    /// Runs until the intake is closed and everything in it is answered. On the engine's own thread.
    func run() {
        while true {
            // Not in the round: there is none while the ledger is away or has diverged, but the thread lives. A new
            // process would find the same ledger, and this one says why nothing is sold.
            self.parts.pulse.beat()
            self.waitForWork()
            let failure = self.gather()
            let taken = self.parts.intake.takeAll(behind: self.machine.waitingRequests)
            do throws(StorageError) {
                if let failure { throw failure }
                if self.isAhead { try self.reopen() }
                try self.round(taken)
                self.parts.tally.observeRound(
                    microseconds: SystemClock.monotonic().microseconds - self.now.steady.microseconds)
            } catch {
                // A configuration that was acknowledged is not lost with the round.
                for case .configured(let rules) in taken.events { self.rules = rules }
                self.answerRecovering(taken.requests)
                self.fail(error)
            }
            if taken.isClosed, taken.requests.isEmpty, taken.events.isEmpty, self.parts.waiters.count == 0 { break }
        }
        self.parts.archive.stop()
    }

    /// Returns when there is work, or when something is due. Reads the answers of Redis meanwhile.
    private func waitForWork() {
        let mayWait = !self.parts.redis.hasResults && self.parts.intake.fallAsleep(behind: self.machine.waitingRequests)
        // There is work, and no call is under way: nothing to read.
        guard mayWait || self.parts.redis.overdueAt != nil else { return }
        var due = min(self.nextTick, self.nextReport, self.nextContestReport)
        if let overdueAt = self.parts.redis.overdueAt { due = min(due, overdueAt) }
        let wait = max(0, due.microseconds - SystemClock.monotonic().microseconds)
        self.parts.poller.wait(microseconds: mayWait ? wait : 0) { _ in self.parts.redis.readReplies() }
    }

    /// Where commits take long: answers at once those whose order both witnesses have, and waits a moment for the requests
    /// that follow.
    ///
    /// - Returns: Why the answers could not be carried out; the round fails with it.
    private func gather() -> StorageError? {
        guard self.joining.isWorthwhile, !self.isAhead else { return nil }
        do throws(StorageError) {
            if self.parts.redis.hasResults { try self.answerWitnessed() }
        } catch { return error }
        self.joining.start()
        while self.joining.waits(waiting: self.parts.intake.waitingCount) {
            self.parts.poller.wait(microseconds: JoiningWait.stepMicroseconds) { _ in self.parts.redis.readReplies() }
        }
        return nil
    }

    /// A round for the results of Redis alone.
    private func answerWitnessed() throws(StorageError) {
        let now = Moment(wall: SystemClock.now(), steady: SystemClock.monotonic())
        self.now = now
        var output = UnitOutput()
        for event in self.parts.redis.takeResults(now: now.steady) {
            self.machine.handle(try self.completed(event), at: now, into: &output)
        }
        try output.carryOut(by: self)
        if let error = self.unreadProof { throw error }
    }

    private func round(_ taken: Intake.Taken) throws(StorageError) {
        let now = Moment(wall: SystemClock.now(), steady: SystemClock.monotonic())
        self.now = now
        var output = UnitOutput()
        for event in self.parts.redis.takeResults(now: now.steady) {
            self.machine.handle(try self.completed(event), at: now, into: &output)
        }
        for event in taken.events {
            guard let event = self.recalled(try self.completed(event)) else { continue }
            self.machine.handle(event, at: now, into: &output)
        }
        if !taken.requests.isEmpty { self.machine.handle(.requests(taken.requests), at: now, into: &output) }
        if taken.isClosed, !self.isClosing {
            self.isClosing = true
            self.machine.handle(.closing, at: now, into: &output)
        }
        self.reportContest(upTo: taken.watermark, into: &output)
        var ceiling: Stamp?
        let isTick = now.steady >= self.nextTick
        if isTick {
            self.nextTick = now.steady.advanced(milliseconds: Int64(Self.tickSeconds * 1_000))
            self.machine.addOffered(self.parts.intake.takeOffered())
            let waited = self.machine.takeWaited(now: now.wall)
            self.parts.intake.observe(self.meter.take(waited: waited, now: now.steady), now: now.steady)
            self.machine.handle(.tick, at: now, into: &output)
            ceiling = self.parts.intake.ceilingWanted(now: now.wall)
            if let ceiling { output.add(.ceiling(ceiling)) }
        }
        if now.steady >= self.nextReport {
            self.nextReport = now.steady.advanced(milliseconds: Int64(Self.reportSeconds * 1_000))
            self.machine.handle(.reportDue(nonce: UInt64.random(in: 0...UInt64.max)), at: now, into: &output)
            self.copyStatus()
        }
        try output.carryOut(by: self)
        if let error = self.unreadProof { throw error }
        if isTick, taken.requests.isEmpty { self.keepLedger() }
        if let ceiling { self.parts.intake.raise(ceiling: ceiling) }
    }

    /// Reports to the coordinator, many times a second while there is a contest.
    private func reportContest(upTo watermark: Stamp, into output: inout UnitOutput) {
        guard let interval = self.machine.contestReportMilliseconds else {
            self.nextContestReport = .distantFuture
            return
        }
        self.machine.handle(.stamped(upTo: watermark), at: self.now, into: &output)
        let steady = self.now.steady
        self.nextContestReport = min(self.nextContestReport, steady.advanced(milliseconds: interval))
        guard steady >= self.nextContestReport else { return }
        self.nextContestReport = steady.advanced(milliseconds: interval)
        self.machine.handle(.contestReportDue, at: self.now, into: &output)
    }

    /// Completes an event with the ledger's digest, and keeps the configuration for the next machine.
    private func completed(_ event: UnitMachine.Event) throws(StorageError) -> UnitMachine.Event {
        switch event {
        case .surveyed(var survey?):
            // The ledger's digest at the position that Redis has stored.
            if let witness = survey.witness { survey.proof = try self.parts.ledger.head(at: witness.position) }
            return .surveyed(survey)
        case .configured(let rules):
            self.rules = rules
            self.parts.intake.configure(rules)
        default: break
        }
        return event
    }

    // MARK: carrying the output out; `perform` does the rest

    func send(_ steps: JoinedSteps) { self.parts.redis.send(.steps(steps), now: self.now.steady) }

    func commit(_ entries: [LedgerEntry]) throws(StorageError) {
        let began = SystemClock.monotonic()
        try self.parts.ledger.commit(entries, as: self.machine.book.incarnation)
        let took = SystemClock.monotonic().microseconds - began.microseconds
        self.joining.committed(inMicroseconds: took)
        self.parts.tally.observeCommit(microseconds: took)
        self.machine.committed(self.parts.ledger.head)
        if self.machine.mayIssue { self.parts.outbox.advance(to: self.parts.ledger.head.position) }
        self.parts.telemetry.count("tranche_ledger_commits_total", "Ledger transactions.")
        self.parts.telemetry.count("tranche_ledger_entries_total", "Ledger entries.", by: entries.count)
    }

    func publish(_ publications: ArraySlice<Publication>) {
        // First, so that an order is never neither in memory nor in an archive.
        for case .archived in publications { self.nameArchives() }
        // The front desk learns it first, so that a buyer with an answer finds the order known.
        let delivery = self.parts.intake.state.withLockedValue { $0.desk.learn(publications, now: self.now.wall) }
        self.parts.waiters.route(delivery.answers)
        self.parts.watch.wake(delivery.changed)
        if !delivery.answers.isEmpty {
            self.meter.count(answers: delivery.answers.count)
            self.parts.telemetry.count("tranche_answers_total", "Answers of admission.", by: delivery.answers.count)
        }
    }
}
