import DaemonSupport
import Foundation
import Logging
import NIOConcurrencyHelpers
import Storage
import TrancheCore

// How the engine begins with a ledger, and begins anew after a commit that failed. And what others see of it.

extension Engine {
    /// Begins the ledger's next incarnation, durably: from then on the ledger refuses every older process.
    static func takeOver(
        _ ledger: any LedgerStore, _ recovered: UnitBook, _ settings: UnitMachine.Settings
    ) throws(StorageError) -> UnitMachine {
        var book = recovered
        let opened = LedgerEntry.opened(book.incarnation.next)
        try ledger.commit([opened], as: book.incarnation.next)
        book.apply(opened)
        return UnitMachine(
            unit: ledger.unit, ledger: ledger.id, session: UInt64.random(in: 1...UInt64.max), book: book,
            head: ledger.head, settings: settings)
    }

    /// Opens the intake for a new machine, and gives the machine the last configuration.
    func started() {
        self.nameArchives()
        self.answerRecovering(self.parts.intake.setRecovered(self.machine.book, now: SystemClock.now()))
        self.parts.intake.configure(self.rules)
        self.parts.intake.post(.configured(self.rules))
        self.parts.intake.post(.started)
    }

    /// The machine is ahead of the disk. The engine answers every waiting buyer and drops the machine.
    func fail(_ error: StorageError) {
        switch error {
        case .superseded, .vanished:
            self.parts.logger.critical("\(error)")
            _exit(3)  // At once: other threads still run, and there is nothing to save.
        default: break
        }
        if self.reportedFailure != error { self.report(error) }
        self.reportedFailure = error
        self.unreadProof = nil
        self.isAhead = true
        self.status.withLockedValue { $0.failure = "\(error)" }
        self.parts.telemetry.count("tranche_ledger_failures_total", "Ledger transactions that failed.")
        self.answerRecovering(self.parts.intake.setRecovered(nil, now: SystemClock.now()))
        self.parts.waiters.routeToAll(.refused(.recovering), before: self.parts.intake.recovery)
        Thread.sleep(forTimeInterval: 0.1)
    }

    private func report(_ error: StorageError) {
        if case .diverged = error {
            // Orders that buyers were told of may be lost. Nothing is sold until an operator has decided.
            self.parts.logger.critical("alarm: \(error)")
            self.parts.telemetry.count("tranche_ledger_diverged_total", "Alarms about a ledger that lost commits.")
        } else {
            self.parts.logger.error("the ledger took no entries: \(error)")
        }
    }

    /// Starts a new machine from what is on disk.
    func reopen() throws(StorageError) {
        self.machine = try Self.takeOver(self.parts.ledger, try self.parts.ledger.recover(), self.settings)
        self.publishedRefunds = -1
        self.started()
        self.isAhead = false
        self.reportedFailure = nil
        self.status.withLockedValue { $0.failure = nil }
        self.parts.logger.info(
            "recovered from the ledger", metadata: ["position": "\(self.parts.ledger.head.position)"])
    }

    /// Their buyers ask again: the machine that would decide them is not there.
    func answerRecovering(_ requests: [BuyRequest]) {
        self.parts.waiters.route(requests.map { ($0.ticket, .refused(.recovering)) })
    }

    func copyStatus() {
        let machine = self.machine
        let lots = self.rules.map(\.lot)
        self.status.withLockedValue { status in
            status.isRegistered = machine.isRegistered
            status.mayIssue = machine.mayIssue
            status.unprimed = lots.filter { !machine.isPrimed($0) }
            if self.publishedRefunds != machine.book.refundChanges { status.money = machine.book.money }
            (status.questionsOpen, status.refundsOpen) = (machine.questionsOpen, machine.refundsOpen)
            status.counters = Dictionary(uniqueKeysWithValues: lots.map { ($0, machine.book[$0]) })
        }
        self.publishedRefunds = machine.book.refundChanges
        self.setLoadGauges()
    }

    private func setLoadGauges() {
        let (figures, sharePermille, shed) = self.parts.intake.load
        let telemetry = self.parts.telemetry
        telemetry.setLoad(
            share: sharePermille, waiting: figures.waitingMilliseconds, processor: figures.cpuPermille, shed: shed)
        telemetry.set(
            "tranche_capacity_per_second", "Requests for orders that can be answered in a second, as measured.",
            to: Double(figures.capacityPerSecond))
    }
}
