import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import Sockets
import Storage
import TrancheCore

/// What the engine tells the center, and what it asks of it.
protocol CenterCalls: Sendable {
    func register(_ request: RegisterRequest)
    func report(_ report: UnitReport)
}

/// What the engine tells the leading coordinator in a contest.
protocol CoordinatorCalls: Sendable {
    func exchange(_ report: ContestReport, with coordinator: CoordinatorAddress)
}

/// The thread that owns a unit's machine and its ledger.
///
/// Each round takes everything that waits, lets the machine decide, starts the calls to Redis that do not depend on the
/// ledger, commits all entries in one transaction, and only then lets answers out. While the commit waits for the disk,
/// Redis works on the next batch.
final class Engine: @unchecked Sendable {  // Machine and ledger belong to the thread; `status` has its own lock.
    static let tickSeconds = 0.05
    static let reportSeconds = 0.2

    struct Status: Sendable {
        var isRegistered = false
        var mayIssue = false
        var unprimed: [LotID] = []
        var refunds: [UnitBook.Refund] = []
        var failure: String?
        var counters: [LotID: QuotaCounters] = [:]
    }

    let intake: Intake
    let waiters: Waiters
    private let status = NIOLockedValueBox(Status())
    var currentStatus: Status { self.status.withLockedValue { $0 } }
    private let ledger: UnitLedger
    private let redis: RedisWorker
    private let calls: LotCalls
    private let poller: Poller
    private let center: any CenterCalls
    private let coordinator: any CoordinatorCalls
    private let watch: OrderWatch
    private let telemetry: Telemetry
    private let logger: Logger
    private var machine: UnitMachine
    private var rules: [LotRules]
    private var incarnation: Incarnation
    // Pauses go by the clock that never steps: a wall clock that is set back by an hour must not stop expiry for an
    // hour.
    private var nextTick = SystemClock.monotonic()
    private var nextReport = SystemClock.monotonic()
    private var nextExchange = Instant.distantFuture
    private var isClosing = false
    private var reportedFailure: StorageError?
    private var isAhead = false

    init(
        ledger: UnitLedger, book: UnitBook, intake: Intake, waiters: Waiters, redis: RedisWorker, calls: LotCalls,
        poller: Poller,
        center: any CenterCalls, coordinator: any CoordinatorCalls, watch: OrderWatch,
        rules: [LotRules], telemetry: Telemetry, logger: Logger
    ) throws(StorageError) {
        self.ledger = ledger
        self.intake = intake
        self.waiters = waiters
        self.redis = redis
        self.calls = calls
        self.poller = poller
        self.center = center
        self.coordinator = coordinator
        self.watch = watch
        self.rules = rules
        self.telemetry = telemetry
        self.logger = logger
        self.incarnation = book.incarnation
        self.machine = UnitMachine(unit: ledger.unit, ledger: ledger.id, session: 0, book: UnitBook(), head: .empty)
        try self.open(book)
    }

    /// Takes the ledger over as the next incarnation, durably, and starts a machine on it.
    private func open(_ recovered: UnitBook) throws(StorageError) {
        var book = recovered
        self.incarnation = book.incarnation.next
        let opened = LedgerEntry.opened(self.incarnation)
        try self.ledger.append([opened], as: self.incarnation)
        book.apply(opened)
        self.machine = UnitMachine(
            unit: self.ledger.unit, ledger: self.ledger.id, session: UInt64.random(in: 1...UInt64.max), book: book,
            head: self.ledger.head)
        self.refuse(self.intake.setRecovered(book, now: SystemClock.now()))
        self.intake.publish { $0.configure(self.rules) }
        self.intake.post(.configured(self.rules))
        self.intake.post(.started)
    }

    /// Runs until the intake is closed and everything in it is answered. On the engine's own thread.
    func run() {
        while true {
            self.waitForWork()
            let taken = self.intake.take()
            do throws(StorageError) {
                if self.isAhead { try self.reopen() }
                try self.round(taken)
            } catch {
                // A configuration that was acknowledged is not lost with the round.
                for case .configured(let rules) in taken.events { self.rules = rules }
                self.refuse(taken.requests)
                self.fail(error)
            }
            if taken.isClosed, taken.requests.isEmpty, taken.events.isEmpty, self.waiters.count == 0 { break }
        }
        self.redis.stop()
    }

    /// Returns when something has come, or is due; takes the answers of Redis on the way.
    private func waitForWork() {
        let mayWait = !self.calls.hasResults && self.intake.fallAsleep()
        // Nothing under way and work at hand: there is nothing to look for.
        guard mayWait || self.calls.overdueAt != nil else { return }
        var due = min(self.nextTick, self.nextReport, self.nextExchange)
        if let overdueAt = self.calls.overdueAt { due = min(due, overdueAt) }
        let wait = max(0, due.microseconds - SystemClock.monotonic().microseconds)
        self.poller.wait(microseconds: mayWait ? wait : 0) { _ in self.calls.read() }
    }

    private func round(_ taken: Intake.Taken) throws(StorageError) {
        let now = Moment(wall: SystemClock.now(), steady: SystemClock.monotonic())
        var actions: [UnitMachine.Action] = []
        for event in self.calls.take(now: now.steady) { self.handle(event, now, into: &actions) }
        for event in taken.events { self.handle(event, now, into: &actions) }
        if !taken.requests.isEmpty { self.tell(.requests(taken.requests), now, into: &actions) }
        if taken.isClosed, !self.isClosing {
            self.isClosing = true
            self.tell(.closing, now, into: &actions)
        }
        self.exchange(upTo: taken.watermark, now, into: &actions)
        var ceiling: Stamp?
        if now.steady >= self.nextTick {
            self.nextTick = now.steady.advanced(milliseconds: Int64(Self.tickSeconds * 1_000))
            self.machine.addOffered(self.intake.takeOffered())
            self.tell(.tick, now, into: &actions)
            ceiling = self.intake.ceilingWanted(now: now.wall)
            if let ceiling { actions.append(.append(.ceiling(ceiling))) }
        }
        if now.steady >= self.nextReport {
            self.nextReport = now.steady.advanced(milliseconds: Int64(Self.reportSeconds * 1_000))
            self.tell(.reportDue(nonce: UInt64.random(in: 0...UInt64.max)), now, into: &actions)
            self.publishStatus()
        }
        try self.perform(actions, now)
        if let ceiling { self.intake.raise(ceiling: ceiling) }
    }

    /// Speaks with the coordinator, many times a second while there is a contest.
    private func exchange(upTo watermark: Stamp, _ now: Moment, into actions: inout [UnitMachine.Action]) {
        guard let interval = self.machine.exchangeMilliseconds else {
            self.nextExchange = .distantFuture
            return
        }
        self.tell(.handedIn(upTo: watermark), now, into: &actions)
        self.nextExchange = min(self.nextExchange, now.steady.advanced(milliseconds: interval))
        guard now.steady >= self.nextExchange else { return }
        self.nextExchange = now.steady.advanced(milliseconds: interval)
        self.tell(.exchangeDue, now, into: &actions)
    }

    private func tell(_ event: UnitMachine.Event, _ now: Moment, into actions: inout [UnitMachine.Action]) {
        self.machine.handle(event, now: now.wall, steady: now.steady, into: &actions)
    }

    private func handle(_ event: UnitMachine.Event, _ now: Moment, into actions: inout [UnitMachine.Action]) {
        switch event {
        case .surveyed(let survey?):
            // The ledger's own word on the position that Redis remembers.
            let proof = survey.witness.flatMap { try? self.ledger.head(at: $0.position) }
            let whole = RedisSurvey(
                ledger: survey.ledger, witness: survey.witness, proof: proof, admitted: survey.admitted,
                newestFence: survey.newestFence, run: survey.run)
            self.tell(.surveyed(whole), now, into: &actions)
        case .configured(let rules):
            self.rules = rules
            self.intake.publish { $0.configure(rules) }
            self.tell(event, now, into: &actions)
        default: self.tell(event, now, into: &actions)
        }
    }

    /// Carries actions out in order; everything behind an append waits for the one commit of the round.
    private func perform(_ actions: [UnitMachine.Action], _ now: Moment) throws(StorageError) {
        var entries: [LedgerEntry] = []
        for action in actions {
            switch action {
            case .append(let entry): entries.append(entry)
            case .call(let call) where !call.dependsOnLedger: self.calls.send(call, now: now.steady)
            default: break
            }
        }
        var afterwards = actions
        if !entries.isEmpty {
            try self.ledger.append(entries, as: self.incarnation)
            self.telemetry.count("tranche_ledger_commits_total", "Ledger transactions.")
            self.telemetry.count("tranche_ledger_entries_total", "Ledger entries.", by: entries.count)
            var more: [UnitMachine.Action] = []
            self.tell(.committed(self.ledger.head), now, into: &more)
            for case .call(let call) in more where !call.dependsOnLedger { self.calls.send(call, now: now.steady) }
            afterwards += more
        }
        self.publish(afterwards, now: now.wall)
        for action in afterwards { self.carryOut(action, now) }
    }

    /// Publishes to the front desk, and answers, in this order: a buyer who was answered finds the order known.
    private func publish(_ actions: [UnitMachine.Action], now: Instant) {
        var answers: [(ticket: UInt64, answer: Answer)] = []
        var changed: [OrderID] = []
        self.intake.publish { desk in
            for action in actions {
                switch action {
                case .reply(let request, let answer):
                    let copies = desk.publish(answer, to: request, now: now)
                    answers.append((request.ticket, answer))
                    for copy in copies { answers.append((copy, answer)) }
                case .replyTo(let ticket, let answer): answers.append((ticket, answer))
                case .changed(let order):
                    desk.publish(order)
                    changed.append(order.id)
                case .standing(let order, let ahead, let mayReturn):
                    desk.place(order, WaitlistStanding(ahead: ahead, mayReturn: mayReturn))
                    changed.append(order)
                case .setSoldOut(let lot, let value): desk.setSoldOut(lot, value)
                case .recovered(let lot): desk.recovered(lot)
                default: break
                }
            }
        }
        self.waiters.answer(answers)
        self.watch.wake(changed)
        if !answers.isEmpty {
            self.telemetry.count("tranche_answers_total", "Answers of admission.", by: answers.count)
        }
    }

    private func carryOut(_ action: UnitMachine.Action, _ now: Moment) {
        switch action {
        case .call(let call): if call.dependsOnLedger { self.calls.send(call, now: now.steady) }
        case .prime(let prime): self.redis.post(.prime(prime))
        case .survey: self.redis.post(.survey)
        case .register(var request):
            request.head = self.ledger.head
            self.center.register(request)
        case .prove(let position, let challenge, let earlier):
            self.intake.post(
                .proof(
                    ChallengeAnswer(
                        challenge: challenge, proof: self.proof(at: position), earlier: earlier.compactMap(self.proof)))
            )
        case .report(var report):
            report.head = self.ledger.head
            report.proof = self.proof(at: report.proves)
            self.machine.reported(report.head)
            self.center.report(report)
        case .alarm(let text):
            self.logger.error("not believed: \(text)")
            self.telemetry.count(
                "tranche_disbelieved_total", "Words of others that could not be, and were not believed.")
        case .exchange(let report):
            if let coordinator = self.machine.coordinator { self.coordinator.exchange(report, with: coordinator) }
        case .fence(let fence): self.intake.advance(past: fence)
        case .stop(let reason):
            self.logger.critical("\(reason); stopping")
            _exit(3)  // At once: other threads still run, and there is nothing to save.
        case .append, .reply, .replyTo, .changed, .setSoldOut, .standing, .recovered: break
        }
    }

    /// The ledger's digest at a position, if it has a commit that ends there.
    private func proof(at position: UInt64) -> LedgerHead? {
        position == 0 ? nil : (try? self.ledger.head(at: position)) ?? nil
    }

    /// The machine is ahead of the disk: answer everybody, and use it no more.
    private func fail(_ error: StorageError) {
        switch error {
        case .superseded, .vanished:
            self.logger.critical("\(error)")
            _exit(3)  // At once: other threads still run, and there is nothing to save.
        default: break
        }
        if self.reportedFailure != error { self.logger.error("the ledger took no entries: \(error)") }
        self.reportedFailure = error
        self.isAhead = true
        self.status.withLockedValue { $0.failure = "\(error)" }
        self.telemetry.count("tranche_ledger_failures_total", "Ledger transactions that failed.")
        self.refuse(self.intake.setRecovered(nil, now: SystemClock.now()))
        self.waiters.answerAll(.refused(.recovering), before: self.intake.life)
        Thread.sleep(forTimeInterval: 0.1)
    }

    /// Starts a new machine from what is on disk.
    private func reopen() throws(StorageError) {
        try self.open(try self.ledger.recover())
        self.isAhead = false
        self.reportedFailure = nil
        self.status.withLockedValue { $0.failure = nil }
        self.logger.info("recovered from the ledger", metadata: ["position": "\(self.ledger.head.position)"])
    }

    private func refuse(_ requests: [BuyRequest]) {
        self.waiters.answer(requests.map { ($0.ticket, .refused(.recovering)) })
    }

    private func publishStatus() {
        let machine = self.machine
        let lots = self.rules.map(\.lot)
        self.status.withLockedValue { status in
            status.isRegistered = machine.isRegistered
            status.mayIssue = machine.mayIssue
            status.unprimed = lots.filter { !machine.isPrimed($0) }
            status.refunds = Array(machine.book.refunds)
            status.counters = Dictionary(uniqueKeysWithValues: lots.map { ($0, machine.book[$0]) })
        }
        for lot in lots {
            let label = "lot=\"\(lot)\""
            self.telemetry.set(
                "tranche_lot_available", "Items that the unit can sell.", labels: label,
                to: Double(machine.book[lot].available))
            self.telemetry.set(
                "tranche_lot_live", "Items held or paid for.", labels: label, to: Double(machine.book[lot].live))
        }
    }
}

/// One moment by both clocks.
private struct Moment {
    let wall: Instant
    let steady: Instant
}
