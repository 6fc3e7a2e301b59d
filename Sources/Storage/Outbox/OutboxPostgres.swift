import PostgresClient
package import Threads
package import TrancheCore

/// The outbox of a ledger in PostgreSQL. A connection that breaks is made anew with the next call.
package final class OutboxPostgres: OutboxStore {
    package let owner = ThreadOwner("an outbox")
    private let target: PostgresTarget
    private let limits: PostgresConnection.Limits
    private var connection: PostgresConnection?
    private var path: String { "\(self.target)" }

    init(_ target: PostgresTarget, limits: PostgresConnection.Limits) { (self.target, self.limits) = (target, limits) }

    package func claim(
        _ consumer: String, from cursor: OutboxCursor, as incarnation: Incarnation
    ) throws(StorageError) -> RelayStart {
        try self.call { connection in
            let answers = try connection.transact([
                PostgresStatement(
                    "INSERT INTO outbox_cursors (consumer, incarnation, position, generation) VALUES ($1, 0, $2, $3) "
                        + "ON CONFLICT DO NOTHING",
                    [
                        .text(consumer), .integer(Int64(cursor.position)), .integer(Int64(cursor.generation.rawValue)),
                    ]),
                PostgresStatement(
                    "UPDATE outbox_cursors SET incarnation = $1 WHERE consumer = $2 AND incarnation <= $1",
                    [.integer(Int64(bitPattern: incarnation.rawValue)), .text(consumer)]),
            ])
            guard answers[1].affected == 1 else { throw try self.superseded(connection, consumer) }
            return try self.start(connection, consumer)
        }
    }

    package func read(
        after cursor: OutboxCursor, upTo end: UInt64, events count: Int
    ) throws(StorageError) -> OutboxBatch {
        try self.call { connection in
            var page = OutboxPage(after: cursor)
            while page.batch.events.count < count, page.batch.cursor.position < end {
                let rows = try connection.run(
                    PostgresStatement(
                        "SELECT position, entries FROM journal WHERE position > $1 AND position <= $2 "
                            + "ORDER BY position LIMIT $3",
                        [
                            .integer(Int64(page.batch.cursor.position)), .integer(Int64(end)),
                            .integer(Int64(OutboxPage.rows)),
                        ]))
                for row in 0..<rows.count {
                    let position = UInt64(bitPattern: rows.integer(row, 0) ?? 0)
                    try rows.withBytes(row, 1) { try page.add(position, $0, of: self.path) }
                }
                if rows.count < OutboxPage.rows { page.end(at: end) }
            }
            return page.batch
        }
    }

    package func write(
        _ notes: RelayNotes, of consumer: String, as incarnation: Incarnation
    ) throws(StorageError) {
        let (cursor, replay) = (notes.record.cursor, notes.record.replay)
        func number(_ value: UInt64?) -> PostgresValue { value.map { .integer(Int64(bitPattern: $0)) } ?? .null }
        // A condition that does not hold fails the whole transaction.
        let owner = PostgresStatement(
            "SELECT 1 / count(*) FROM outbox_cursors WHERE consumer = $1 AND incarnation <= $2",
            [.text(consumer), .integer(Int64(bitPattern: incarnation.rawValue))])
        let record = PostgresStatement(
            "UPDATE outbox_cursors SET position = $1, generation = $2, disabled = $3, replay_position = $4, "
                + "replay_generation = $5, replay_end = $6 WHERE consumer = $7 AND incarnation <= $8",
            [
                number(cursor.position), .integer(Int64(cursor.generation.rawValue)),
                .integer(notes.record.isDisabled ? 1 : 0), number(replay?.cursor.position),
                number(replay.map { UInt64($0.cursor.generation.rawValue) }), number(replay?.end), .text(consumer),
                .integer(Int64(bitPattern: incarnation.rawValue)),
            ])
        let letters = notes.letters.map { Self.statement($1, at: $0, consumer) }
        try self.call { connection in
            do throws(PostgresError) { _ = try connection.transact([record, owner] + letters) } catch {
                // Division by zero: the row is another incarnation's.
                guard error.state == "22012" else { throw error }
                throw try self.superseded(connection, consumer)
            }
        }
    }

    package func deadLetters(
        of consumer: String, after place: OutboxPlace?, limit: Int
    ) throws(StorageError) -> [RelayLetter] {
        try self.call { connection in
            try self.letters(
                connection, "is_dead = 1 AND (position, place) > ($2, $3) ORDER BY position, place LIMIT $4",
                [
                    .text(consumer), .integer(Int64(place?.position ?? 0)), .integer(Int64(place?.index ?? -1)),
                    .integer(Int64(limit)),
                ])
        }
    }

    private func call<Value>(_ body: (PostgresConnection) throws -> Value) throws(StorageError) -> Value {
        self.owner.check()
        do {
            if self.connection?.isClosed != false {
                self.connection = try PostgresConnection(
                    self.target, application: "tranche-outbox", limits: self.limits)
            }
            return try body(self.connection!)
        } catch { throw StorageError(error, path: self.path) }
    }

    private func superseded(_ connection: PostgresConnection, _ consumer: String) throws -> StorageError {
        let rows = try connection.run(
            PostgresStatement("SELECT incarnation FROM outbox_cursors WHERE consumer = $1", [.text(consumer)]))
        let current = rows.count == 1 ? rows.integer(0, 0) ?? 0 : 0
        return .superseded(path: self.path, current: UInt64(bitPattern: current))
    }
}

extension OutboxPostgres {
    private func start(_ connection: PostgresConnection, _ consumer: String) throws -> RelayStart {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT position, generation, disabled, replay_position, replay_generation, replay_end "
                    + "FROM outbox_cursors WHERE consumer = $1", [.text(consumer)]))
        guard rows.count == 1, let position = rows.integer(0, 0), let generation = rows.integer(0, 1) else {
            throw StorageError.corrupt(path: self.path, detail: "the cursor of \(consumer) is missing")
        }
        var start = RelayStart()
        start.record.cursor = Self.cursor(position, generation)
        start.record.isDisabled = rows.integer(0, 2) == 1
        if let position = rows.integer(0, 3), let generation = rows.integer(0, 4), let end = rows.integer(0, 5) {
            start.record.replay = .init(cursor: Self.cursor(position, generation), end: UInt64(bitPattern: end))
        }
        start.waiting = try self.letters(connection, "is_dead = 0 ORDER BY position, place", [.text(consumer)])
        let dead = try connection.run(
            PostgresStatement(
                "SELECT generation, position, place FROM outbox_letters WHERE consumer = $1 AND is_dead = 1 "
                    + "AND position > $2", [.text(consumer), .integer(position)]))
        start.deadAhead = Set((0..<dead.count).map { Self.place(dead, $0) })
        let count = try connection.run(
            PostgresStatement(
                "SELECT count(*) FROM outbox_letters WHERE consumer = $1 AND is_dead = 1", [.text(consumer)]))
        start.deadCount = Int(count.integer(0, 0) ?? 0)
        return start
    }

    private func letters(
        _ connection: PostgresConnection, _ condition: String, _ values: [PostgresValue]
    ) throws -> [RelayLetter] {
        let rows = try connection.run(
            PostgresStatement(
                "SELECT generation, position, place, kind, entry, tries, due, is_dead, reason FROM outbox_letters "
                    + "WHERE consumer = $1 AND " + condition, values))
        return try (0..<rows.count).map { row in
            let place = Self.place(rows, row)
            let event = rows.withBytes(row, 4) { LetterForm.event($0, kind: rows.integer(row, 3) ?? -1, place) } ?? nil
            guard let event else {
                throw StorageError.corrupt(path: self.path, detail: "the letter at position \(place.position)")
            }
            return RelayLetter(
                event: event, tries: Int(rows.integer(row, 5) ?? 0),
                due: Instant(microseconds: rows.integer(row, 6) ?? 0), isDead: rows.integer(row, 7) == 1,
                reason: rows.text(row, 8) ?? "")
        }
    }

    private static func statement(
        _ letter: RelayLetter?, at place: OutboxPlace, _ consumer: String
    ) -> PostgresStatement {
        let key: [PostgresValue] = [
            .text(consumer), .integer(Int64(place.position)), .integer(Int64(place.index)),
        ]
        guard let letter else {
            return PostgresStatement(
                "DELETE FROM outbox_letters WHERE consumer = $1 AND position = $2 AND place = $3", key)
        }
        return PostgresStatement(
            "INSERT INTO outbox_letters (consumer, position, place, generation, kind, entry, tries, due, is_dead, reason) "
                + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (consumer, position, place) DO UPDATE "
                + "SET generation = $4, kind = $5, entry = $6, tries = $7, due = $8, is_dead = $9, reason = $10",
            key + [
                .integer(Int64(place.generation.rawValue)), .integer(Int64(letter.event.kind.rawValue)),
                .bytes(LetterForm.bytes(letter.event)), .integer(Int64(letter.tries)),
                .integer(letter.due.microseconds), .integer(letter.isDead ? 1 : 0), .text(letter.reason),
            ])
    }

    private static func cursor(_ position: Int64, _ generation: Int64) -> OutboxCursor {
        OutboxCursor(
            position: UInt64(bitPattern: position), generation: Generation(UInt32(truncatingIfNeeded: generation)))
    }

    private static func place(_ rows: PostgresRows, _ row: Int) -> OutboxPlace {
        OutboxPlace(
            generation: Generation(UInt32(truncatingIfNeeded: rows.integer(row, 0) ?? 0)),
            position: UInt64(bitPattern: rows.integer(row, 1) ?? 0), index: Int(rows.integer(row, 2) ?? 0))
    }
}
