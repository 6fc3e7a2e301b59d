/// An event that has left the queue of a relay: it waits for a later try, or for an earlier event of its order, or it is dead.
/// It is durable beside the cursor, so that the cursor can go on.
package struct RelayLetter: Hashable, Sendable {
    package var event: OutboxEvent
    /// Tries so far.
    package var tries: Int
    /// By the wall clock: a letter outlives its process.
    package var due: Instant
    package var isDead: Bool
    /// Why the last try failed.
    package var reason: String

    package init(event: OutboxEvent, tries: Int, due: Instant, isDead: Bool, reason: String) {
        (self.event, self.tries, self.due, self.isDead, self.reason) = (event, tries, due, isDead, reason)
    }
}

/// What is durable about one consumer.
package struct RelayRecord: Hashable, Sendable {
    package struct Replay: Hashable, Sendable {
        package var cursor: OutboxCursor
        /// The last position to be repeated.
        package var end: UInt64
        package init(cursor: OutboxCursor, end: UInt64) { (self.cursor, self.end) = (cursor, end) }
    }
    package var cursor = OutboxCursor.start
    package var replay: Replay?
    /// Whether the receiver said that it is gone: nothing is sent until an operator enables the consumer.
    package var isDisabled = false
    package init() {}
}

/// What has changed of a consumer, to be written in one transaction, or the record last.
package struct RelayNotes: Sendable {
    package var record: RelayRecord
    /// Letters by their place; `nil` for one that was delivered.
    package var letters: [OutboxPlace: RelayLetter?]

    package init(record: RelayRecord, letters: [OutboxPlace: RelayLetter?] = [:]) {
        (self.record, self.letters) = (record, letters)
    }

    /// Takes later notes in: together they say what both say one after the other.
    package mutating func add(_ later: RelayNotes) {
        self.record = later.record
        self.letters.merge(later.letters) { $1 }
    }
}

/// What a relay begins with.
package struct RelayStart: Sendable {
    package var record: RelayRecord
    /// Letters that wait, in the order of their places.
    package var waiting: [RelayLetter]
    /// Dead letters behind the cursor, which the journal would bring again.
    package var deadAhead: Set<OutboxPlace>
    package var deadCount: Int

    package init(
        record: RelayRecord = RelayRecord(), waiting: [RelayLetter] = [], deadAhead: Set<OutboxPlace> = [],
        deadCount: Int = 0
    ) {
        (self.record, self.waiting, self.deadAhead, self.deadCount) = (record, waiting, deadAhead, deadCount)
    }
}
