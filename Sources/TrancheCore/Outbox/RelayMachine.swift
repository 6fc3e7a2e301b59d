/// Brings the events of a unit's journal to one consumer: at least once, and in order for each order.
///
/// Of each order one event is under way at most, and the next one waits for its yes. An event that fails twice leaves the
/// queue as a letter, which is durable, so one order that is never taken holds up no other, and the cursor goes on. A receiver
/// that takes nothing any more is *away*: one delivery after a growing pause finds out whether it is back, so an outage uses
/// up the tries of a few events only.
package struct RelayMachine: Sendable {
    /// What the receiver said.
    package enum Answer: Hashable, Sendable {
        case yes
        /// - Parameter retryAfterMilliseconds: The least pause that the receiver asks for.
        case no(reason: String, retryAfterMilliseconds: Int64? = nil)
        /// The receiver wants no more events.
        case gone(reason: String)
    }
    package struct Delivery: Hashable, Sendable {
        package let ticket: UInt64
        package let event: OutboxEvent
        /// From 1.
        package let tryNumber: Int
    }
    /// Where events come from.
    package enum Way: Hashable, Sendable { case journal, replay }

    package struct Figures: Hashable, Sendable {
        package var delivered = 0
        package var retried = 0
        /// Deliveries that the receiver did not take.
        package var refused = 0
        package var dead = 0
        package var letters = 0
        package var open = 0
        package var underway = 0
        package init() {}
    }

    struct Slot: Sendable {
        enum Source: Sendable { case journal(Int), replay(Int), letter }
        let event: OutboxEvent
        var source: Source
        var tries = 0
        var isUnderway = false
        /// The next event of the same order.
        var next: UInt64?
        var isLetter: Bool { if case .letter = self.source { true } else { false } }
    }
    struct Pause: Comparable, Sendable {
        let due: Instant
        let ticket: UInt64
        static func < (left: Pause, right: Pause) -> Bool { (left.due, left.ticket) < (right.due, right.ticket) }
    }
    struct Away: Sendable {
        var until: Instant
        var pauseMilliseconds: Int64
    }

    package internal(set) var settings: RelaySettings
    var journal: RelayTrack
    var replay: RelayTrack?
    package internal(set) var isDisabled: Bool
    var deadAhead: Set<OutboxPlace>
    package internal(set) var deadCount: Int

    var slots: [UInt64: Slot] = [:]
    private var lastTicket: UInt64 = 0
    /// The last event of each order that has any.
    private var lines: [OrderID: UInt64] = [:]
    /// Events that may start, the oldest first.
    var ready = Heap<UInt64>()
    /// Events that wait for their next try.
    var pauses = Heap<Pause>()
    var letterPlaces: Set<OutboxPlace> = []

    private var rate: RelayRate?
    /// Nothing is sent before: what an earlier process sent counts in its second.
    var heldUntil = Instant.distantPast
    private var rateDue: Instant?
    private var failuresInRow = 0
    private(set) var away: Away?
    package var isAway: Bool { self.away != nil }

    var letterNotes: [OutboxPlace: RelayLetter?] = [:]
    var isChanged = false
    private var counts = Figures()

    package init(_ settings: RelaySettings, _ start: RelayStart, now: Moment) {
        self.settings = settings
        self.journal = RelayTrack(from: start.record.cursor)
        self.replay = start.record.replay.map { RelayTrack(from: $0.cursor, end: $0.end) }
        self.isDisabled = start.record.isDisabled
        (self.deadAhead, self.deadCount) = (start.deadAhead, start.deadCount)
        self.setRate(settings.perSecond, now: now)
        for letter in start.waiting { self.restore(letter, now: now) }
    }

    /// Events that the journal's reader should bring now, at most; 0 for none.
    ///
    /// - Parameter head: The last position that is durable.
    package func wanted(_ way: Way, head: UInt64) -> Int {
        let limit = self.settings.queueLimit
        switch way {
        case .journal:
            guard !self.isDisabled, self.journal.read.position < head, self.journal.open < limit * 3 / 4 else {
                return 0
            }
            return limit - self.journal.open
        case .replay:
            guard !self.isDisabled, let replay, let end = replay.end, replay.read.position < end,
                replay.open < max(1, limit / 8)
            else { return 0 }
            return max(1, limit / 4)
        }
    }

    /// Up to where a way was read; `nil` if there is no such way.
    package func read(_ way: Way) -> OutboxCursor? { way == .journal ? self.journal.read : self.replay?.read }

    /// The last position of the replay that is under way.
    package var replayEnd: UInt64? { self.replay?.end }

    /// Takes what was read, up to and including `cursor`.
    package mutating func take(_ events: [OutboxEvent], upTo cursor: OutboxCursor, of way: Way, now: Moment) {
        if way == .replay, self.replay == nil { return }
        for event in events where self.settings.kinds.contains(event.kind) {
            if self.letterPlaces.contains(event.place) || way == .journal && self.deadAhead.contains(event.place) {
                continue
            }
            self.add(event, way, now: now)
        }
        if way == .journal { self.journal.advance(to: cursor) } else { self.replay?.advance(to: cursor) }
        if !events.isEmpty { self.isChanged = true }
        self.endReplay()
    }

    private mutating func add(_ event: OutboxEvent, _ way: Way, now: Moment) {
        // Behind a letter of the same order an event is one, too, or the cursor would stop at it.
        let isBehindLetter = self.lines[event.order].flatMap { self.slots[$0]?.isLetter } ?? false
        if isBehindLetter, self.hasRoomForLetters {
            let ticket = self.line(Slot(event: event, source: .letter))
            self.letterPlaces.insert(event.place)
            return self.note(ticket, due: now.wall, reason: "")
        }
        switch way {
        case .journal: self.line(Slot(event: event, source: .journal(self.journal.add(event.place))))
        case .replay:
            guard let number = self.replay?.add(event.place) else { return }
            self.line(Slot(event: event, source: .replay(number)))
        }
    }

    /// Puts an event behind the others of its order.
    @discardableResult
    mutating func line(_ slot: Slot, isReady: Bool = true) -> UInt64 {
        self.lastTicket += 1
        let ticket = self.lastTicket
        self.slots[ticket] = slot
        if let last = self.lines.updateValue(ticket, forKey: slot.event.order) {
            self.slots[last]?.next = ticket
        } else if isReady {
            self.ready.insert(ticket)
        }
        return ticket
    }

    /// Whether an event of the order is here.
    func isInLine(_ order: OrderID) -> Bool { self.lines[order] != nil }

    /// What to send now.
    package mutating func start(now: Moment) -> [Delivery] {
        guard !self.isDisabled else { return [] }
        while let first = self.pauses.first, first.due <= now.steady {
            _ = self.pauses.removeFirst()
            self.ready.insert(first.ticket)
        }
        self.rateDue = nil
        let limit = self.away.map { now.steady < $0.until ? 0 : 1 } ?? self.settings.concurrency
        var deliveries: [Delivery] = []
        while self.counts.underway < limit, let ticket = self.ready.first {
            guard self.admits(now: now.steady) else { break }
            _ = self.ready.removeFirst()
            guard let slot = self.slots[ticket] else { continue }
            self.slots[ticket]?.isUnderway = true
            self.counts.underway += 1
            if slot.tries > 0 { self.counts.retried += 1 }
            deliveries.append(Delivery(ticket: ticket, event: slot.event, tryNumber: slot.tries + 1))
        }
        return deliveries
    }

    private mutating func admits(now: Instant) -> Bool {
        guard self.rate != nil else { return true }
        guard now >= self.heldUntil else {
            self.rateDue = self.heldUntil
            return false
        }
        switch self.rate?.admit(underway: self.counts.underway, now: now) {
        case nil, .admitted: return true
        case .wait(let due): self.rateDue = due
        // An answer calls for the next deliveries.
        case .waitForAnswer: self.rateDue = .distantFuture
        }
        return false
    }

    /// When ``start(now:)`` has something to do next, by the clock that never steps; `nil`: when something is answered or read.
    package var nextDue: Instant? {
        guard !self.isDisabled else { return nil }
        let pause = self.pauses.first?.due
        let hasReady = self.ready.first != nil
        if let away {
            guard self.counts.underway == 0 else { return nil }
            return hasReady ? max(away.until, self.rateDue ?? away.until) : pause.map { max($0, away.until) }
        }
        guard hasReady, let rateDue else { return pause }
        return pause.map { min($0, rateDue) } ?? rateDue
    }

    /// - Parameters:
    ///   - ticket: Of a delivery that is under way.
    ///   - draw: Any number, drawn uniformly.
    package mutating func answered(_ ticket: UInt64, _ answer: Answer, draw: UInt64, now: Moment) {
        guard self.slots[ticket]?.isUnderway == true else { return }
        self.slots[ticket]?.isUnderway = false
        self.counts.underway -= 1
        self.rate?.answered(now: now.steady)
        switch answer {
        case .yes:
            (self.failuresInRow, self.away) = (0, nil)
            self.counts.delivered += 1
            self.finish(ticket)
        case .gone:
            self.counts.refused += 1
            (self.isDisabled, self.isChanged) = (true, true)
            self.ready.insert(ticket)
        case .no(let reason, let least):
            self.counts.refused += 1
            self.countFailure(draw: draw, now: now.steady)
            self.fail(ticket, reason, least: least ?? 0, draw: draw, now: now)
        }
    }

    private mutating func countFailure(draw: UInt64, now: Instant) {
        self.failuresInRow += 1
        if let away {
            guard now >= away.until else { return }  // Of a delivery from before.
            self.goAway(min(away.pauseMilliseconds * 2, Limits.relayAwayMilliseconds), draw: draw, now: now)
        } else if self.failuresInRow >= Limits.relayFailuresInRow {
            self.goAway(Limits.relayFirstAwayMilliseconds, draw: draw, now: now)
        }
    }

    private mutating func goAway(_ milliseconds: Int64, draw: UInt64, now: Instant) {
        let until = now.advanced(milliseconds: RelayPauses.lengthened(milliseconds, draw: draw))
        self.away = Away(until: until, pauseMilliseconds: milliseconds)
    }

    /// An operator knows that the receiver is back.
    mutating func endAway(now: Moment) { self.away?.until = now.steady }

    /// Takes an event out, and lets the next one of its order start.
    mutating func finish(_ ticket: UInt64) {
        guard let slot = self.slots.removeValue(forKey: ticket) else { return }
        self.isChanged = true
        self.leaveSource(slot, isDelivered: true)
        if let next = slot.next { self.ready.insert(next) } else { self.lines[slot.event.order] = nil }
        self.endReplay()
    }

    mutating func leaveSource(_ slot: Slot, isDelivered: Bool) {
        switch slot.source {
        case .journal(let number): self.journal.finish(number)
        case .replay(let number): self.replay?.finish(number)
        case .letter:
            guard isDelivered else { return }
            self.letterPlaces.remove(slot.event.place)
            self.letterNotes.updateValue(nil, forKey: slot.event.place)
        }
    }

    private mutating func endReplay() { if self.replay?.isOver == true { self.replay = nil } }

    package var figures: Figures {
        var figures = self.counts
        figures.letters = self.letterPlaces.count
        figures.dead = self.deadCount
        figures.open = self.journal.open + (self.replay?.open ?? 0)
        return figures
    }

    /// - Parameter perSecond: `nil` for no limit. The number was checked before.
    package mutating func setRate(_ perSecond: Int?, now: Moment) {
        self.settings.perSecond = perSecond
        self.rate = perSecond.flatMap { RelayRate(perSecond: $0) }
        self.heldUntil = RelayRate.end(of: now.steady)
    }
}
