import Foundation
import GRDB
package import Threads
package import TrancheCore

/// The outbox of a ledger in a file.
///
/// Its writes are not synced by themselves: the ledger's next commit takes them to the disk, and a power failure before it
/// repeats events. So a writer holds the database for a moment only.
package final class OutboxFile: OutboxStore {
    package let owner = ThreadOwner("an outbox")
    private let path: String
    private let queue: DatabaseQueue

    package init(path: String) throws(StorageError) {
        self.path = path
        var configuration = Configuration()
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { database in
            // The ledger has the log, and another thread copies it into the file.
            try database.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0")
        }
        do { self.queue = try DatabaseQueue(path: path, configuration: configuration) } catch {
            throw StorageError(error, path: path)
        }
    }

    package func claim(
        _ consumer: String, from cursor: OutboxCursor, as incarnation: Incarnation
    ) throws(StorageError) -> RelayStart {
        self.owner.check()
        do {
            return try self.write { database in
                try database.execute(
                    sql: "INSERT OR IGNORE INTO outbox_cursors (consumer, incarnation, position, generation) "
                        + "VALUES (?, 0, ?, ?)",
                    arguments: [consumer, Int64(cursor.position), Int64(cursor.generation.rawValue)])
                try database.execute(
                    sql: "UPDATE outbox_cursors SET incarnation = ?1 WHERE consumer = ?2 AND incarnation <= ?1",
                    arguments: [Int64(bitPattern: incarnation.rawValue), consumer])
                try self.checkOwned(database, consumer)
                return try self.start(database, consumer)
            }
        } catch { throw StorageError(error, path: self.path) }
    }

    package func read(
        after cursor: OutboxCursor, upTo end: UInt64, events count: Int
    ) throws(StorageError) -> OutboxBatch {
        self.owner.check()
        var page = OutboxPage(after: cursor)
        do {
            while page.batch.events.count < count, page.batch.cursor.position < end {
                let next = page.batch.cursor.position + 1
                let (rows, isArchive) = try self.queue.read { database in
                    let first = try LedgerReading.firstPosition(database) ?? 0
                    // What the archive has from the journal's first row on does not count yet. That row has the end of its
                    // commit: entries before it may be in no row of the archive.
                    if next < first, end >= next,
                        let archived = try JournalArchive.read(
                            of: self.path, { try Self.rows($0, next...min(end, first - 1)) }), !archived.isEmpty
                    {
                        return (archived, true)
                    }
                    return (try Self.rows(database, next...end), false)
                }
                for row in rows {
                    let position = UInt64(bitPattern: row[0] as Int64)
                    try (row[1] as Data).withUnsafeBytes { try page.add(position, $0, of: self.path) }
                }
                if !isArchive, rows.count < OutboxPage.rows { page.end(at: end) }
            }
        } catch { throw StorageError(error, path: self.path) }
        return page.batch
    }

    private static func rows(_ database: Database, _ range: ClosedRange<UInt64>) throws -> [Row] {
        try Row.fetchAll(
            database,
            sql: "SELECT position, entries FROM journal WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?",
            arguments: [Int64(range.lowerBound), Int64(range.upperBound), OutboxPage.rows])
    }

    /// Letters of one transaction: the ledger's commits wait for it.
    private static let lettersPerTransaction = 200

    /// Letters first, then the cursor that may have passed them: in between, the journal brings them again, and they are known.
    package func write(
        _ notes: RelayNotes, of consumer: String, as incarnation: Incarnation
    ) throws(StorageError) {
        self.owner.check()
        let letters = Array(notes.letters)
        do {
            for start in stride(from: 0, to: letters.count, by: Self.lettersPerTransaction) {
                try self.write { database in
                    try database.execute(
                        sql:
                            "UPDATE outbox_cursors SET incarnation = incarnation WHERE consumer = ? AND incarnation <= ?",
                        arguments: [consumer, Int64(bitPattern: incarnation.rawValue)])
                    try self.checkOwned(database, consumer)
                    for (place, letter) in letters[start...].prefix(Self.lettersPerTransaction) {
                        try Self.write(letter, at: place, consumer, database)
                    }
                }
            }
            try self.write(notes.record, of: consumer, as: incarnation)
        } catch { throw StorageError(error, path: self.path) }
    }

    private func write(_ record: RelayRecord, of consumer: String, as incarnation: Incarnation) throws {
        try self.write { database in
            try database.execute(
                sql: "UPDATE outbox_cursors SET position = ?, generation = ?, disabled = ?, replay_position = ?, "
                    + "replay_generation = ?, replay_end = ? WHERE consumer = ? AND incarnation <= ?",
                arguments: [
                    Int64(record.cursor.position), Int64(record.cursor.generation.rawValue), record.isDisabled,
                    record.replay.map { Int64($0.cursor.position) },
                    record.replay.map { Int64($0.cursor.generation.rawValue) },
                    record.replay.map { Int64($0.end) }, consumer, Int64(bitPattern: incarnation.rawValue),
                ])
            try self.checkOwned(database, consumer)
        }
    }

    package func deadLetters(
        of consumer: String, after place: OutboxPlace?, limit: Int
    ) throws(StorageError) -> [RelayLetter] {
        self.owner.check()
        do {
            return try self.queue.read { database in
                try self.letters(
                    database, "is_dead = 1 AND (position, place) > (?, ?) ORDER BY position, place LIMIT ?",
                    [consumer, Int64(place?.position ?? 0), place?.index ?? -1, limit])
            }
        } catch { throw StorageError(error, path: self.path) }
    }

    private func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try self.queue.writeWithoutTransaction { database in
            var value: Value?
            try database.inTransaction(.immediate) {
                value = try body(database)
                return .commit
            }
            return value!
        }
    }

    /// The last statement changed the consumer's row, unless a newer incarnation has it.
    private func checkOwned(_ database: Database, _ consumer: String) throws {
        guard database.changesCount == 0 else { return }
        let current = try Int64.fetchOne(
            database, sql: "SELECT incarnation FROM outbox_cursors WHERE consumer = ?", arguments: [consumer])
        throw StorageError.superseded(path: self.path, current: UInt64(bitPattern: current ?? 0))
    }
}

extension OutboxFile {
    private func start(_ database: Database, _ consumer: String) throws -> RelayStart {
        guard
            let row = try Row.fetchOne(
                database,
                sql: "SELECT position, generation, disabled, replay_position, replay_generation, replay_end "
                    + "FROM outbox_cursors WHERE consumer = ?", arguments: [consumer])
        else { throw StorageError.corrupt(path: self.path, detail: "the cursor of \(consumer) is missing") }
        var start = RelayStart()
        start.record.cursor = Self.cursor(row[0], row[1])
        start.record.isDisabled = row[2]
        if let position = row[3] as Int64?, let generation = row[4] as Int64?, let end = row[5] as Int64? {
            start.record.replay = .init(cursor: Self.cursor(position, generation), end: UInt64(bitPattern: end))
        }
        start.waiting = try self.letters(database, "is_dead = 0 ORDER BY position, place", [consumer])
        start.deadAhead = Set(
            try Row.fetchAll(
                database,
                sql: "SELECT generation, position, place FROM outbox_letters WHERE consumer = ? AND is_dead = 1 "
                    + "AND position > ?", arguments: [consumer, row[0] as Int64]
            ).map { Self.place($0[0], $0[1], $0[2]) })
        start.deadCount =
            try Int.fetchOne(
                database, sql: "SELECT count(*) FROM outbox_letters WHERE consumer = ? AND is_dead = 1",
                arguments: [consumer]) ?? 0
        return start
    }

    private func letters(
        _ database: Database, _ condition: String, _ arguments: StatementArguments
    ) throws -> [RelayLetter] {
        try Row.fetchAll(
            database,
            sql: "SELECT generation, position, place, kind, entry, tries, due, is_dead, reason FROM outbox_letters "
                + "WHERE consumer = ? AND " + condition, arguments: arguments
        ).map { row in
            let place = Self.place(row[0], row[1], row[2])
            let event = (row[4] as Data).withUnsafeBytes { LetterForm.event($0, kind: row[3], place) }
            guard let event else {
                throw StorageError.corrupt(path: self.path, detail: "the letter at position \(place.position)")
            }
            return RelayLetter(
                event: event, tries: row[5], due: Instant(microseconds: row[6]), isDead: row[7], reason: row[8])
        }
    }

    private static func write(
        _ letter: RelayLetter?, at place: OutboxPlace, _ consumer: String, _ database: Database
    ) throws {
        guard let letter else {
            return try database.execute(
                sql: "DELETE FROM outbox_letters WHERE consumer = ? AND position = ? AND place = ?",
                arguments: [consumer, Int64(place.position), place.index])
        }
        try database.execute(
            sql: "INSERT OR REPLACE INTO outbox_letters "
                + "(consumer, position, place, generation, kind, entry, tries, due, is_dead, reason) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                consumer, Int64(place.position), place.index, Int64(place.generation.rawValue),
                Int64(letter.event.kind.rawValue), Data(LetterForm.bytes(letter.event)), letter.tries,
                letter.due.microseconds, letter.isDead, letter.reason,
            ])
    }

    private static func cursor(_ position: Int64, _ generation: Int64) -> OutboxCursor {
        OutboxCursor(
            position: UInt64(bitPattern: position), generation: Generation(UInt32(truncatingIfNeeded: generation)))
    }

    private static func place(_ generation: Int64, _ position: Int64, _ index: Int) -> OutboxPlace {
        OutboxPlace(
            generation: Generation(UInt32(truncatingIfNeeded: generation)), position: UInt64(bitPattern: position),
            index: index)
    }
}
