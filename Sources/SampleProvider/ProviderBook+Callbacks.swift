import GRDB
package import TrancheCore

// The callbacks that are to be sent.

extension ProviderBook {
    package struct Callback: Hashable, Sendable {
        package let number: Int64
        package let order: String
        package let payment: String
        package let amount: Int64
        package let currency: String
        /// The receiver's name.
        package let receiver: String
        package let tries: Int
    }

    /// Callbacks whose time has come, the oldest first.
    ///
    /// - Parameter except: Those that are under way.
    package func dueCallbacks(now: Instant, limit: Int, except: Set<Int64>) async throws -> [Callback] {
        try await self.queue.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT number, order_id, payment, amount, currency, callback, tries FROM callbacks "
                    + "JOIN payments ON payments.id = callbacks.payment "
                    + "WHERE status IS NULL AND due_at <= ? ORDER BY due_at, number LIMIT ?",
                arguments: [now.milliseconds, limit + except.count]
            ).map { row in
                Callback(
                    number: row["number"], order: row["order_id"], payment: row["payment"], amount: row["amount"],
                    currency: row["currency"], receiver: row["callback"], tries: row["tries"])
            }.filter { !except.contains($0.number) }.prefix(limit).map { $0 }
        }
    }

    /// The receiver's answer: a last one, or none for now.
    ///
    /// - Parameters:
    ///   - status: The last answer's; `nil`: the callback is sent again.
    ///   - due: When.
    package func answered(_ callback: Callback, status: Int?, due: Instant) async throws {
        try await self.commit { database in
            try database.execute(
                sql: "UPDATE callbacks SET tries = tries + 1, status = ?, due_at = ? WHERE number = ?",
                arguments: [status, due.milliseconds, callback.number])
        }
    }

    /// Callbacks without a last answer.
    package func openCallbacks() async throws -> Int {
        try await self.queue.read { database in
            try Int.fetchOne(database, sql: "SELECT count(*) FROM callbacks WHERE status IS NULL") ?? 0
        }
    }
}
