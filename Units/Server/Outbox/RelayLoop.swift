import DaemonSupport
import Foundation
import Logging
import Sockets
import Storage
import Threads
import TrancheAPI
import TrancheCore

/// The thread of one relay. It has a machine, a connection to the ledger and a sink of its own, so no consumer waits for
/// another one, and the engine waits for none.
final class RelayLoop: @unchecked Sendable {  // One thread has everything but the relay.
    /// The least pause between two writes of the cursor.
    static let notesMilliseconds: Int64 = 100
    static let figuresMilliseconds: Int64 = 200
    /// The pause after the ledger could not be read or written.
    static let retryMilliseconds: Int64 = 1_000

    let relay: Relay
    private let store: any OutboxStore
    private let sink: any OutboxSink
    private let incarnation: Incarnation
    private let telemetry: Telemetry
    private let logger: Logger
    private var machine: RelayMachine
    private var unwritten: RelayNotes?
    private var nextNotes = Instant.distantPast
    private var nextFigures = Instant.distantPast
    private var nextRead = Instant.distantPast
    private var shown = RelayMachine.Figures()
    private var failure: StorageError?
    private var head: UInt64 = 0

    /// Takes the consumer over.
    ///
    /// - Parameter head: Where a new consumer begins that wants no earlier events.
    init(
        _ relay: Relay, _ consumer: ConsumerConfiguration, store: any OutboxStore, sink: any OutboxSink,
        head: OutboxCursor, incarnation: Incarnation, telemetry: Telemetry, logger: Logger
    ) throws(StorageError) {
        (self.relay, self.store, self.sink) = (relay, store, sink)
        (self.incarnation, self.telemetry) = (incarnation, telemetry)
        var logger = logger
        logger[metadataKey: "consumer"] = "\(relay.name)"
        self.logger = logger
        let start = try store.claim(
            relay.name, from: consumer.beginsNow ? head : .start, as: incarnation)
        self.machine = RelayMachine(consumer.settings, start, now: Self.now)
    }

    /// What belongs to the thread.
    var owned: [ThreadOwner] { [self.store.owner] }

    private static var now: Moment { Moment(wall: SystemClock.now(), steady: SystemClock.monotonic()) }

    func run() {
        while true {
            let taken = self.relay.takeAll()
            self.head = max(self.head, taken.head)
            for (ticket, answer) in taken.answers { self.take(answer, for: ticket) }
            for command in taken.commands { self.carryOut(command) }
            if taken.isStopping { break }
            let hasRead = self.read()
            self.send()
            self.writeNotes()
            self.showFigures()
            if self.isSuperseded { break }
            self.wait(hasRead: hasRead)
        }
        self.sink.stop()
        self.nextNotes = .distantPast
        self.writeNotes()
        self.logger.info("the relay has ended")
    }

    private func wait(hasRead: Bool) {
        if hasRead, self.machine.figures.underway < self.machine.settings.concurrency { return }
        let now = SystemClock.monotonic()
        var due = self.nextFigures
        if self.unwritten != nil || self.machine.hasNotes { due = min(due, self.nextNotes) }
        if let next = self.machine.nextDue { due = min(due, next) }
        if self.failure != nil { due = max(due, now.advanced(milliseconds: 10)) }
        guard self.relay.fallAsleep(knowing: self.head) else { return }
        self.relay.poller.wait(microseconds: max(0, due.microseconds - now.microseconds)) { _ in }
    }

    private func take(_ answer: RelayMachine.Answer, for ticket: UInt64) {
        if case .gone(let reason) = answer, !self.machine.isDisabled {
            self.logger.error("alarm: the consumer is disabled: \(reason)")
            self.telemetry.count(
                "tranche_outbox_gone_total", "Alarms about consumers that are disabled because their receiver is gone.",
                labels: self.label)
        }
        self.machine.answered(ticket, answer, draw: UInt64.random(in: 0...UInt64.max), now: Self.now)
    }

    /// - Returns: Whether there may be more to read.
    private func read() -> Bool {
        guard SystemClock.monotonic() >= self.nextRead else { return false }
        var hasRead = false
        for way in [RelayMachine.Way.journal, .replay] {
            let wanted = min(self.machine.wanted(way, head: self.head), 1_024)
            guard wanted > 0, let cursor = self.machine.read(way) else { continue }
            let end = way == .journal ? self.head : min(self.machine.replayEnd ?? 0, self.head)
            guard end > cursor.position else { continue }
            do throws(StorageError) {
                let batch = try self.store.read(after: cursor, upTo: end, events: wanted)
                self.machine.take(batch.events, upTo: batch.cursor, of: way, now: Self.now)
                hasRead = true
                self.recovered()
            } catch { self.fail(error) }
        }
        return hasRead
    }

    private func send() {
        for delivery in self.machine.start(now: Self.now) {
            self.sink.deliver(delivery.event) { [relay] in relay.post($0, for: delivery.ticket) }
        }
    }

    private func writeNotes() {
        let now = SystemClock.monotonic()
        guard now >= self.nextNotes else { return }
        if let notes = self.machine.takeNotes() {
            if self.unwritten == nil { self.unwritten = notes } else { self.unwritten?.add(notes) }
        }
        guard let unwritten else { return }
        self.nextNotes = now.advanced(milliseconds: Self.notesMilliseconds)
        do throws(StorageError) {
            try self.store.write(unwritten, of: self.relay.name, as: self.incarnation)
            self.unwritten = nil
            self.recovered()
        } catch {
            self.nextNotes = now.advanced(milliseconds: Self.retryMilliseconds)
            self.fail(error)
        }
    }

    private var isSuperseded: Bool { if case .superseded? = self.failure { true } else { false } }

    private func fail(_ error: StorageError) {
        self.nextRead = SystemClock.monotonic().advanced(milliseconds: Self.retryMilliseconds)
        guard self.failure != error else { return }
        self.failure = error
        self.logger.error("the outbox cannot use the ledger: \(error)")
        self.telemetry.count(
            "tranche_outbox_failures_total", "Reads and writes of the ledger by relays that failed.",
            labels: self.label)
    }

    private func recovered() { if !self.isSuperseded { self.failure = nil } }

    // MARK: operators

    private func carryOut(_ command: Relay.Command) {
        switch command {
        case .deadLetters(let place, let limit, let completion):
            completion(
                self.storage { () throws(StorageError) in
                    try self.store.deadLetters(of: self.relay.name, after: place, limit: limit)
                })
        case .act(let act, let completion): completion(self.carryOut(act))
        }
    }

    private func carryOut(_ act: ConsumerAct) -> Result<Void, Problem> {
        let now = Self.now
        switch act.act {
        case .enable: self.machine.enable()
        case .rate: self.machine.setRate(act.perSecond, now: now)
        case .revive:
            // A letter that died this moment has to be in the ledger before it is read there.
            self.nextNotes = .distantPast
            self.writeNotes()
            return self.storage { () throws(StorageError) in
                let dead = try self.store.deadLetters(of: self.relay.name, after: nil, limit: RelayLoop.reviveLimit)
                self.machine.revive(dead, now: now)
            }
        case .replay:
            let (from, to) = (max(1, act.from ?? 1), min(act.to ?? self.head, self.head))
            return self.storage { () throws(StorageError) -> Bool in
                let cursor = try self.store.cursor(before: from)
                return self.machine.beginReplay(after: cursor, upTo: to)
            }.flatMap { isBegun in
                isBegun
                    ? .success(())
                    : .failure(
                        Problem(
                            status: 409, code: "replay_underway",
                            detail: "a replay up to position \(self.machine.replayEnd ?? 0) is under way"))
            }
        }
        return .success(())
    }

    /// Dead letters that one act revives; repeat it for more.
    static let reviveLimit = 10_000

    private func storage<Value>(_ body: () throws(StorageError) -> Value) -> Result<Value, Problem> {
        do throws(StorageError) { return .success(try body()) } catch {
            return .failure(Problem(status: 503, code: "storage", detail: "\(error)", retryAfter: 1))
        }
    }

    // MARK: figures

    private var label: String { "consumer=\"\(self.relay.name)\"" }

    private func showFigures() {
        let now = SystemClock.monotonic()
        guard now >= self.nextFigures else { return }
        self.nextFigures = now.advanced(milliseconds: Self.figuresMilliseconds)
        let (figures, telemetry) = (self.machine.figures, self.telemetry)
        let state =
            self.failure != nil
            ? "unreadable" : self.machine.isDisabled ? "disabled" : self.machine.isAway ? "away" : "sending"
        let document = ConsumerDocument(
            consumer: self.relay.name, position: self.machine.record.cursor.position, head: self.head, figures: figures,
            state: state, perSecond: self.machine.settings.perSecond, replayUpTo: self.machine.replayEnd)
        self.relay.show(document)
        for (name, help, count) in [
            ("delivered", "Events that consumers took.", figures.delivered - self.shown.delivered),
            ("retried", "Deliveries after the first try of an event.", figures.retried - self.shown.retried),
            ("refused", "Deliveries that consumers did not take.", figures.refused - self.shown.refused),
        ] { telemetry.count("tranche_outbox_\(name)_total", help, labels: self.label, by: count) }
        for (name, help, value) in [
            ("lag_entries", "Entries of the ledger behind a consumer's cursor.", Int(clamping: document.lag)),
            ("dead_letters", "Events that were given up after their last try.", figures.dead),
            ("waiting_letters", "Events that wait for a later try, durably.", figures.letters),
            ("disabled", "1 while a consumer is disabled because its receiver is gone.", state == "disabled" ? 1 : 0),
            ("away", "1 while a receiver takes nothing.", state == "away" ? 1 : 0),
        ] { telemetry.set("tranche_outbox_\(name)", help, labels: self.label, to: Double(value)) }
        self.shown = figures
    }
}
