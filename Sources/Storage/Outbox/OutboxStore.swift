package import Threads
package import TrancheCore

/// What was read of a journal.
package struct OutboxBatch: Sendable {
    package var events: [OutboxEvent] = []
    /// Up to here the journal was read.
    package var cursor: OutboxCursor
}

/// The ledger as an outbox: its events by position, and how far each consumer has come.
///
/// It has a connection of its own, for the one thread of a relay: commits of the ledger do not wait for it.
package protocol OutboxStore: AnyObject {
    var owner: ThreadOwner { get }

    /// Makes this process the only one that moves the consumer's cursor.
    ///
    /// - Parameter cursor: Where a consumer begins that the ledger does not know yet.
    /// - Throws: ``StorageError/superseded(path:current:)`` if a newer incarnation has the consumer.
    func claim(
        _ consumer: String, from cursor: OutboxCursor, as incarnation: Incarnation
    ) throws(StorageError) -> RelayStart

    /// Reads events behind `cursor`, from the archive of old commits, too.
    ///
    /// - Parameters:
    ///   - end: The last position that may be read: what is behind it may not be durable yet.
    ///   - count: Events after which it stops, at the end of a commit.
    func read(after cursor: OutboxCursor, upTo end: UInt64, events count: Int) throws(StorageError) -> OutboxBatch

    /// Writes what has changed: the cursor last, or with the rest.
    ///
    /// - Throws: ``StorageError/superseded(path:current:)`` if a newer incarnation has the consumer.
    func write(_ notes: RelayNotes, of consumer: String, as incarnation: Incarnation) throws(StorageError)

    /// Dead letters in the order of their places.
    func deadLetters(of consumer: String, after place: OutboxPlace?, limit: Int) throws(StorageError) -> [RelayLetter]
}

extension OutboxStore {
    /// Events of one read.
    package static var pageEvents: Int { 4_096 }

    /// The cursor that reads a position next. Reads the whole journal before it, because the generation follows from it.
    package func cursor(before position: UInt64) throws(StorageError) -> OutboxCursor {
        var cursor = OutboxCursor.start
        while cursor.position + 1 < position {
            cursor = try self.read(after: cursor, upTo: position - 1, events: Self.pageEvents).cursor
        }
        return cursor
    }
}
