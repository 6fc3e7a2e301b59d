// What happens to events that the receiver did not take, and what operators can do about them.

extension RelayMachine {
    var hasRoomForLetters: Bool { self.letterPlaces.count < Limits.relayLetters }

    /// A letter of an earlier process.
    mutating func restore(_ letter: RelayLetter, now: Moment) {
        guard self.letterPlaces.insert(letter.event.place).inserted else { return }
        let isFirst = !self.isInLine(letter.event.order)
        let ticket = self.line(Slot(event: letter.event, source: .letter, tries: letter.tries), isReady: false)
        guard isFirst else { return }
        let wait = max(0, letter.due.milliseconds(since: now.wall))
        self.pauses.insert(Pause(due: now.steady.advanced(milliseconds: wait), ticket: ticket))
    }

    mutating func fail(_ ticket: UInt64, _ reason: String, least: Int64, draw: UInt64, now: Moment) {
        guard var slot = self.slots[ticket] else { return }
        slot.tries += 1
        self.slots[ticket]?.tries = slot.tries
        let longest = self.settings.pauses.milliseconds.last ?? 0
        guard let pause = self.settings.pauses.pause(after: slot.tries, draw: draw) else {
            if self.deadCount < Limits.relayDeadLetters { return self.bury(ticket, slot, reason, now: now) }
            // No room for another dead letter: nothing is forgotten, and its tries go on.
            return self.wait(ticket, max(longest, least), reason, now: now)
        }
        self.wait(ticket, max(pause, min(least, Limits.relayPauseMilliseconds)), reason, now: now)
    }

    private mutating func wait(_ ticket: UInt64, _ milliseconds: Int64, _ reason: String, now: Moment) {
        guard let slot = self.slots[ticket] else { return }
        self.pauses.insert(Pause(due: now.steady.advanced(milliseconds: milliseconds), ticket: ticket))
        // The first pause is short, and most events succeed after it.
        guard slot.isLetter || slot.tries > 1 && self.hasRoomForLetters else { return }
        let due = now.wall.advanced(milliseconds: milliseconds)
        if !slot.isLetter { self.become(ticket) }
        self.note(ticket, due: due, reason: reason)
        var next = slot.next
        while let follower = next, self.hasRoomForLetters {
            next = self.slots[follower]?.next
            guard self.slots[follower]?.isLetter == false else { continue }
            self.become(follower)
            self.note(follower, due: now.wall, reason: "")
        }
    }

    private mutating func become(_ ticket: UInt64) {
        guard let slot = self.slots[ticket] else { return }
        self.leaveSource(slot, isDelivered: false)
        self.slots[ticket]?.source = .letter
        self.letterPlaces.insert(slot.event.place)
    }

    mutating func note(_ ticket: UInt64, due: Instant, reason: String) {
        guard let slot = self.slots[ticket] else { return }
        self.isChanged = true
        let letter = RelayLetter(
            event: slot.event, tries: slot.tries, due: due, isDead: false,
            reason: String(reason.prefix(Limits.relayReasonCharacters)))
        self.letterNotes.updateValue(letter, forKey: slot.event.place)
    }

    /// The last try has failed.
    private mutating func bury(_ ticket: UInt64, _ slot: Slot, _ reason: String, now: Moment) {
        self.finish(ticket)
        self.deadCount += 1
        let letter = RelayLetter(
            event: slot.event, tries: slot.tries, due: now.wall, isDead: true,
            reason: String(reason.prefix(Limits.relayReasonCharacters)))
        self.letterNotes.updateValue(letter, forKey: slot.event.place)
        self.letterPlaces.remove(slot.event.place)
    }

    // MARK: for operators

    /// Tries dead letters from the beginning. Letters that wait are due at once.
    package mutating func revive(_ dead: [RelayLetter], now: Moment) {
        for letter in dead where self.hasRoomForLetters && !self.letterPlaces.contains(letter.event.place) {
            var letter = letter
            (letter.tries, letter.due, letter.isDead) = (0, now.wall, false)
            self.deadCount = max(0, self.deadCount - 1)
            self.deadAhead.remove(letter.event.place)
            self.restore(letter, now: now)
            self.letterNotes.updateValue(letter, forKey: letter.event.place)
            self.isChanged = true
        }
        var hurried = Heap<Pause>()
        while self.pauses.first != nil {
            hurried.insert(Pause(due: now.steady, ticket: self.pauses.removeFirst().ticket))
        }
        self.pauses = hurried
        self.endAway(now: now)
    }

    /// Repeats a range of the journal, under the same ids. Letters that wait are not repeated: they are still to come.
    ///
    /// - Parameter cursor: The position before the first one.
    /// - Returns: `false` if another replay is under way.
    package mutating func beginReplay(after cursor: OutboxCursor, upTo end: UInt64) -> Bool {
        guard self.replay == nil else { return false }
        self.replay = RelayTrack(from: cursor, end: end)
        self.isChanged = true
        return true
    }

    /// Sends again to a receiver that had said that it is gone.
    package mutating func enable() {
        guard self.isDisabled else { return }
        (self.isDisabled, self.isChanged) = (false, true)
    }

    // MARK: what is durable

    /// Where the consumer is: everything up to it was answered with yes, or is a letter.
    package var record: RelayRecord {
        var record = RelayRecord()
        record.cursor = self.journal.cursor
        record.replay = self.replay.flatMap { track in track.end.map { .init(cursor: track.cursor, end: $0) } }
        record.isDisabled = self.isDisabled
        return record
    }

    package var hasNotes: Bool { self.isChanged }

    /// What has changed since the last call; `nil` for nothing. The caller writes it, the record last, and keeps it until
    /// that has succeeded. Without it events are repeated, and none is lost.
    package mutating func takeNotes() -> RelayNotes? {
        guard self.isChanged else { return nil }
        defer { (self.isChanged, self.letterNotes) = (false, [:]) }
        return RelayNotes(record: self.record, letters: self.letterNotes)
    }
}
