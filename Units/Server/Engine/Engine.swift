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
    func report(_ report: UnitReport)
}

/// The engine's calls to the leading coordinator in a contest.
protocol CoordinatorCalls: Sendable {
    func report(_ report: ContestReport, to coordinator: CoordinatorAddress)
}

/// The thread that owns a unit's machine and its ledger.
///
/// Each round takes all requests and events that wait, passes them to the machine, and carries its output out. All
/// entries of a round are one transaction. While the commit waits for the disk, Redis takes the step of the same batch.
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

    /// The parts that the engine works with. Its thread alone uses those that have no lock.
    struct Parts {
        let ledger: UnitLedger
        let intake: Intake
        let waiters: Waiters
        let redis: RedisCalls
        let archive: ArchiveWorker
        let poller: Poller
        let center: any CenterCalls
        let coordinator: any CoordinatorCalls
        let watch: OrderWatch
        let telemetry: Telemetry
        let logger: Logger
    }

    let parts: Parts
    private let status = NIOLockedValueBox(Status())
    var currentStatus: Status { self.status.withLockedValue { $0 } }
    var machine: UnitMachine
    private var rules: [LotRules]
    // Pauses go by the clock that never steps: a wall clock that is set back by an hour must not stop expiry for an
    // hour.
    private var nextTick = SystemClock.monotonic()
    private var nextReport = SystemClock.monotonic()
    private var nextContestReport = Instant.distantFuture
    /// The moment of the present round.
    private(set) var now = Moment(wall: .distantPast, steady: .distantPast)
    private var isClosing = false
    private var reportedFailure: StorageError?
    private var isAhead = false

    /// Takes the ledger over.
    ///
    /// - Parameters:
    ///   - book: The fold of the ledger.
    ///   - rules: The last configuration, if there was one.
    init(_ parts: Parts, book: UnitBook, rules: [LotRules]) throws(StorageError) {
        self.parts = parts
        self.rules = rules
        self.machine = try Self.takeOver(parts.ledger, book)
        self.started()
    }

    /// Begins the ledger's next incarnation, durably: from then on the ledger refuses every older process.
    private static func takeOver(_ ledger: UnitLedger, _ recovered: UnitBook) throws(StorageError) -> UnitMachine {
        var book = recovered
        let opened = LedgerEntry.opened(book.incarnation.next)
        try ledger.commit([opened], as: book.incarnation.next)
        book.apply(opened)
        return UnitMachine(
            unit: ledger.unit, ledger: ledger.id, session: UInt64.random(in: 1...UInt64.max), book: book,
            head: ledger.head)
    }

    /// Opens the intake for a new machine, and gives the machine the last configuration.
    private func started() {
        self.nameArchives()
        self.refuse(self.parts.intake.setRecovered(self.machine.book, now: SystemClock.now()))
        self.parts.intake.configure(self.rules)
        self.parts.intake.post(.configured(self.rules))
        self.parts.intake.post(.started)
    }

    /// Runs until the intake is closed and everything in it is answered. On the engine's own thread.
    func run() {
        while true {
            self.waitForWork()
            let taken = self.parts.intake.takeAll()
            do throws(StorageError) {
                if self.isAhead { try self.reopen() }
                try self.round(taken)
            } catch {
                // A configuration that was acknowledged is not lost with the round.
                for case .configured(let rules) in taken.events { self.rules = rules }
                self.refuse(taken.requests)
                self.fail(error)
            }
            if taken.isClosed, taken.requests.isEmpty, taken.events.isEmpty, self.parts.waiters.count == 0 { break }
        }
        self.parts.archive.stop()
    }

    /// Returns when there is work, or when something is due. Reads the answers of Redis meanwhile.
    private func waitForWork() {
        let mayWait = !self.parts.redis.hasResults && self.parts.intake.fallAsleep()
        // There is work, and no call is under way: nothing to read.
        guard mayWait || self.parts.redis.overdueAt != nil else { return }
        var due = min(self.nextTick, self.nextReport, self.nextContestReport)
        if let overdueAt = self.parts.redis.overdueAt { due = min(due, overdueAt) }
        let wait = max(0, due.microseconds - SystemClock.monotonic().microseconds)
        self.parts.poller.wait(microseconds: mayWait ? wait : 0) { _ in self.parts.redis.read() }
    }

    private func round(_ taken: Intake.Taken) throws(StorageError) {
        let now = Moment(wall: SystemClock.now(), steady: SystemClock.monotonic())
        self.now = now
        var output = UnitOutput()
        for event in self.parts.redis.takeResults(now: now.steady) { self.tell(self.completed(event), into: &output) }
        for event in taken.events {
            if let event = self.recalled(self.completed(event)) { self.tell(event, into: &output) }
        }
        if !taken.requests.isEmpty { self.tell(.requests(taken.requests), into: &output) }
        if taken.isClosed, !self.isClosing {
            self.isClosing = true
            self.tell(.closing, into: &output)
        }
        self.reportContest(upTo: taken.watermark, into: &output)
        var ceiling: Stamp?
        let isTick = now.steady >= self.nextTick
        if isTick {
            self.nextTick = now.steady.advanced(milliseconds: Int64(Self.tickSeconds * 1_000))
            self.machine.addOffered(self.parts.intake.takeOffered())
            self.tell(.tick, into: &output)
            ceiling = self.parts.intake.ceilingWanted(now: now.wall)
            if let ceiling { output.add(.ceiling(ceiling)) }
        }
        if now.steady >= self.nextReport {
            self.nextReport = now.steady.advanced(milliseconds: Int64(Self.reportSeconds * 1_000))
            self.tell(.reportDue(nonce: UInt64.random(in: 0...UInt64.max)), into: &output)
            self.publishStatus()
        }
        try output.carryOut(by: self)
        if isTick, taken.requests.isEmpty { self.keepLedger() }
        if let ceiling { self.parts.intake.raise(ceiling: ceiling) }
    }

    /// Reports to the coordinator, many times a second while there is a contest.
    private func reportContest(upTo watermark: Stamp, into output: inout UnitOutput) {
        guard let interval = self.machine.contestReportMilliseconds else {
            self.nextContestReport = .distantFuture
            return
        }
        self.tell(.handedIn(upTo: watermark), into: &output)
        let steady = self.now.steady
        self.nextContestReport = min(self.nextContestReport, steady.advanced(milliseconds: interval))
        guard steady >= self.nextContestReport else { return }
        self.nextContestReport = steady.advanced(milliseconds: interval)
        self.tell(.contestReportDue, into: &output)
    }

    private func tell(_ event: UnitMachine.Event, into output: inout UnitOutput) {
        self.machine.handle(event, now: self.now.wall, steady: self.now.steady, into: &output)
    }

    /// Completes an event with the ledger's digest, and keeps the configuration for the next machine.
    private func completed(_ event: UnitMachine.Event) -> UnitMachine.Event {
        switch event {
        case .surveyed(var survey?):
            // The ledger's digest at the position that Redis has stored.
            survey.proof = survey.witness.flatMap { try? self.parts.ledger.head(at: $0.position) }
            return .surveyed(survey)
        case .configured(let rules):
            self.rules = rules
            self.parts.intake.configure(rules)
        default: break
        }
        return event
    }

    /// The machine is ahead of the disk. The engine answers every waiting buyer and drops the machine.
    private func fail(_ error: StorageError) {
        switch error {
        case .superseded, .vanished:
            self.parts.logger.critical("\(error)")
            _exit(3)  // At once: other threads still run, and there is nothing to save.
        default: break
        }
        if self.reportedFailure != error { self.parts.logger.error("the ledger took no entries: \(error)") }
        self.reportedFailure = error
        self.isAhead = true
        self.status.withLockedValue { $0.failure = "\(error)" }
        self.parts.telemetry.count("tranche_ledger_failures_total", "Ledger transactions that failed.")
        self.refuse(self.parts.intake.setRecovered(nil, now: SystemClock.now()))
        self.parts.waiters.deliverToAll(.refused(.recovering), before: self.parts.intake.recovery)
        Thread.sleep(forTimeInterval: 0.1)
    }

    /// Starts a new machine from what is on disk.
    private func reopen() throws(StorageError) {
        self.machine = try Self.takeOver(self.parts.ledger, try self.parts.ledger.recover())
        self.started()
        self.isAhead = false
        self.reportedFailure = nil
        self.status.withLockedValue { $0.failure = nil }
        self.parts.logger.info(
            "recovered from the ledger", metadata: ["position": "\(self.parts.ledger.head.position)"])
    }

    private func refuse(_ requests: [BuyRequest]) {
        self.parts.waiters.deliver(requests.map { ($0.ticket, .refused(.recovering)) })
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
            self.parts.telemetry.set(
                "tranche_lot_available", "Items that the unit can sell.", labels: label,
                to: Double(machine.book[lot].available))
            self.parts.telemetry.set(
                "tranche_lot_live", "Items held or paid for.", labels: label, to: Double(machine.book[lot].live))
        }
    }
}
