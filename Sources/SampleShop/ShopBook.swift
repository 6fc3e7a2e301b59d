package import DaemonSupport
import Foundation
import GRDB
import Storage
import TrancheAPI

/// The shop's book, in SQLite: the ids of events that were handled, and what they made of each order.
///
/// An event's id and its change are one transaction, so a shop that is killed at any moment has both or neither. Events that
/// come together share a transaction: one fsync for all of them.
///
/// Ids are never deleted. The 300 s of a webhook's time limit no id: a replay and a revived letter are signed anew, so an event may
/// come again at any age. A shop whose book grows too large deletes ids with their sale, when it will ask for no replay of it.
package actor ShopBook {
    /// Events that wait for the disk; more are asked to come again.
    package static let waitingLimit = 1_024
    /// Orders in one page.
    package static let pageLimit = 1_000

    private let queue: DatabaseQueue
    private var waiting: [(event: ShopEvent, answer: CheckedContinuation<ShopOrder.Outcome, any Error>)] = []
    private var isWriting = false

    /// - Throws: ``StartError`` if the file cannot be opened.
    package init(folder: String) throws(StartError) {
        do { self.queue = try DurableDatabase.open(folder + "/book.sqlite", migrator: Self.schema) } catch {
            throw StartError("\(error)")
        }
    }

    private static var schema: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("book") { database in
            try database.execute(
                sql: """
                    CREATE TABLE events (id TEXT PRIMARY KEY, type TEXT NOT NULL, order_id TEXT NOT NULL) WITHOUT ROWID;
                    CREATE TABLE orders (
                        id TEXT PRIMARY KEY, state TEXT NOT NULL, unit INTEGER NOT NULL, generation INTEGER NOT NULL,
                        position INTEGER NOT NULL, place INTEGER NOT NULL, payment TEXT) WITHOUT ROWID;
                    CREATE TABLE refunds (
                        order_id TEXT NOT NULL, payment TEXT NOT NULL, reason TEXT NOT NULL,
                        PRIMARY KEY (order_id, payment)) WITHOUT ROWID;
                    """)
        }
        return migrator
    }

    /// Writes an event down. When this returns it is on the disk, and the webhook may be answered with yes.
    ///
    /// - Throws: ``Problem`` with status 503 if it is not certain: the event comes again.
    package func take(_ event: ShopEvent) async throws -> ShopOrder.Outcome {
        guard self.waiting.count < Self.waitingLimit else {
            throw Problem(
                status: 503, code: "overloaded", detail: "\(Self.waitingLimit) events wait for the disk", retryAfter: 1)
        }
        return try await withCheckedThrowingContinuation { answer in
            self.waiting.append((event, answer))
            guard !self.isWriting else { return }
            self.isWriting = true
            Task { await self.writeAll() }
        }
    }

    private func writeAll() async {
        while !self.waiting.isEmpty {
            let batch = self.waiting
            self.waiting = []
            let events = batch.map(\.event)
            do {
                let outcomes = try await self.queue.write { database in try events.map { try Self.take($0, database) } }
                for (one, outcome) in zip(batch, outcomes) { one.answer.resume(returning: outcome) }
            } catch {
                let problem = Problem(
                    status: 503, code: "storage", detail: "the book cannot be written now", retryAfter: 1)
                for one in batch { one.answer.resume(throwing: problem) }
            }
        }
        self.isWriting = false
    }

    private static func take(_ event: ShopEvent, _ database: Database) throws -> ShopOrder.Outcome {
        try database.execute(
            sql: "INSERT OR IGNORE INTO events (id, type, order_id) VALUES (?, ?, ?)",
            arguments: [event.id, event.type, event.order])
        guard database.changesCount == 1 else {
            let known = try Row.fetchOne(
                database, sql: "SELECT type, order_id FROM events WHERE id = ?", arguments: [event.id])
            let isSame = known.map { $0[0] == event.type && $0[1] == event.order } ?? false
            return isSame ? .duplicate : .conflict
        }
        var order = try self.order(event.order, database) ?? .none
        let outcome = order.take(event)
        if outcome == .applied { try self.write(order, event, database) }
        return outcome
    }

    private static func order(_ id: String, _ database: Database) throws -> ShopOrder? {
        try Row.fetchOne(
            database, sql: "SELECT state, unit, generation, position, place, payment FROM orders WHERE id = ?",
            arguments: [id]
        ).map { row in
            ShopOrder(
                state: row[0], place: .init(unit: row[1], generation: row[2], position: row[3], index: row[4]),
                payment: row[5])
        }
    }

    private static func write(_ order: ShopOrder, _ event: ShopEvent, _ database: Database) throws {
        let place = order.place
        try database.execute(
            sql: "INSERT OR REPLACE INTO orders (id, state, unit, generation, position, place, payment) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                event.order, order.state, place.unit, place.generation, place.position, place.index, order.payment,
            ])
        guard case .refund(let reason) = event.change, let payment = event.payment else { return }
        // Once for each order and payment, also if the unit says it under another id.
        try database.execute(
            sql: "INSERT OR IGNORE INTO refunds (order_id, payment, reason) VALUES (?, ?, ?)",
            arguments: [event.order, payment, reason])
    }

    /// A page of the book.
    ///
    /// - Parameter order: The last order of the page before; empty for the first page.
    package func page(after order: String) async throws -> BookPage {
        try await self.queue.read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT id, state, payment FROM orders WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [order, Self.pageLimit])
            let last: String = rows.last?[0] ?? order
            var refunds: [String: [BookPage.Refund]] = [:]
            for row in try Row.fetchAll(
                database,
                sql: "SELECT order_id, payment, reason FROM refunds WHERE order_id > ? AND order_id <= ? "
                    + "ORDER BY order_id, payment",
                arguments: [order, last])
            { refunds[row[0], default: []].append(.init(payment: row[1], reason: row[2])) }
            let orders = rows.map { row -> BookPage.Order in
                .init(order: row[0], state: row[1], payment: row[2], refunds: refunds[row[0]] ?? [])
            }
            return BookPage(
                orders: orders, counts: try order.isEmpty ? Self.counts(database) : nil,
                next: rows.count == Self.pageLimit ? last : nil)
        }
    }

    /// Reads every order, while no webhook can be written.
    private static func counts(_ database: Database) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT state, count(*) FROM orders GROUP BY state") {
            counts[row[0]] = row[1]
        }
        return counts
    }
}
