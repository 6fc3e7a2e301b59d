package import DaemonSupport
import Foundation
import GRDB
import NIOConcurrencyHelpers
import Storage
import TrancheAPI

/// The provider's book, in SQLite: payments, refunds, and the callbacks that are still to be sent.
///
/// A payment and its callbacks are one transaction, and an answer leaves after it. So a provider that is killed at any
/// moment has taken a payment and will tell of it, or has done neither; and whoever got no answer repeats the call
/// under its key. Acts that come together share a transaction: one fsync for all of them.
package actor ProviderBook {
    /// Acts that wait for the disk; more are asked to come again.
    package static let waitingLimit = 1_024

    private struct Job: Sendable {
        let write: @Sendable (Database) throws -> Void
        let end: @Sendable (Bool) -> Void
    }

    let queue: DatabaseQueue
    private var waiting: [Job] = []
    private var isWriting = false

    /// - Throws: ``StartError`` if the file cannot be opened.
    package init(folder: String) throws(StartError) {
        do { self.queue = try DurableDatabase.open(folder + "/provider.sqlite", migrator: Self.schema) } catch {
            throw StartError("\(error)")
        }
    }

    private static var schema: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("book") { database in
            try database.execute(
                sql: """
                    CREATE TABLE payments (
                        id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL,
                        amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, callback TEXT,
                        refunded INTEGER NOT NULL DEFAULT 0,
                        CONSTRAINT conserved CHECK (refunded BETWEEN 0 AND amount)) WITHOUT ROWID;
                    CREATE INDEX payments_of_order ON payments (order_id);
                    CREATE TABLE refunds (
                        key TEXT PRIMARY KEY, order_id TEXT NOT NULL, payment TEXT NOT NULL REFERENCES payments (id),
                        amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, has_failed INTEGER NOT NULL,
                        ends_at INTEGER NOT NULL) WITHOUT ROWID;
                    CREATE INDEX refunds_of_payment ON refunds (payment);
                    CREATE TABLE callbacks (
                        number INTEGER PRIMARY KEY, payment TEXT NOT NULL REFERENCES payments (id), due_at INTEGER NOT NULL,
                        tries INTEGER NOT NULL DEFAULT 0, status INTEGER);
                    CREATE INDEX callbacks_due ON callbacks (due_at) WHERE status IS NULL;
                    CREATE TABLE faults (one INTEGER PRIMARY KEY CHECK (one = 1), settings TEXT NOT NULL);
                    """)
        }
        return migrator
    }

    /// Runs `body` in a transaction, together with what else waits. When this returns it is on the disk.
    ///
    /// - Throws: ``Problem`` with status 503 if it is not certain: repeat the call under the same key.
    func commit<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        guard self.waiting.count < Self.waitingLimit else {
            throw Problem(
                status: 503, code: "overloaded", detail: "\(Self.waitingLimit) acts wait for the disk", retryAfter: 1)
        }
        let made = NIOLockedValueBox<Value?>(nil)
        return try await withCheckedThrowingContinuation { answer in
            self.waiting.append(
                Job(
                    write: { database in
                        let value = try body(database)
                        made.withLockedValue { $0 = value }
                    },
                    end: { isWritten in
                        if isWritten, let value = made.withLockedValue({ $0 }) {
                            answer.resume(returning: value)
                        } else {
                            answer.resume(
                                throwing: Problem(
                                    status: 503, code: "storage", detail: "the book cannot be written now",
                                    retryAfter: 1))
                        }
                    }))
            guard !self.isWriting else { return }
            self.isWriting = true
            Task { await self.writeAll() }
        }
    }

    private func writeAll() async {
        while !self.waiting.isEmpty {
            let batch = self.waiting
            self.waiting = []
            do {
                try await self.queue.write { database in for job in batch { try job.write(database) } }
                for job in batch { job.end(true) }
            } catch {
                for job in batch { job.end(false) }
            }
        }
        self.isWriting = false
    }

    /// The faults that were asked for last.
    package func faults() async throws -> ProviderFaults {
        let text = try await self.queue.read { try String.fetchOne($0, sql: "SELECT settings FROM faults") }
        return try text.map { try JSON.decode(ProviderFaults.self, from: Array($0.utf8)) } ?? ProviderFaults()
    }

    package func keep(_ faults: ProviderFaults) async throws {
        let text = String(decoding: JSON.encode(faults), as: UTF8.self)
        try await self.commit { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO faults (one, settings) VALUES (1, ?)", arguments: [text])
        }
    }
}
