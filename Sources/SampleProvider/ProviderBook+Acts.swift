import DaemonSupport
import Foundation
import GRDB
package import TrancheAPI
package import TrancheCore

// Payments and refunds.

extension ProviderBook {
    /// Takes a payment; a repetition under its key changes nothing.
    ///
    /// - Parameters:
    ///   - id: The id of a payment that is new.
    ///   - copies: How often its receiver is told.
    ///   - due: When, by the wall clock.
    /// - Returns: The payment, and whether it is new; or why there is none.
    package func charge(
        _ body: ChargeBody, key: String, id: PaymentID, copies: Int, due: Instant
    ) async throws -> (charge: ChargeDocument, isNew: Bool) {
        let result = try await self.commit { database -> Result<(ChargeDocument, Bool), Problem> in
            let row = try Row.fetchOne(
                database, sql: Self.charges + ", callback FROM payments WHERE key = ?", arguments: [key])
            if let row {
                let (known, callback) = (try Self.charge(row), row["callback"] as String?)
                let isSame =
                    known.order == body.order && known.amount == body.amount && known.currency == body.currency
                    && callback == body.callback
                return isSame ? .success((known, false)) : .failure(ProviderRules.keyReused(key))
            }
            try database.execute(
                sql: "INSERT INTO payments (id, key, order_id, amount, currency, callback) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [id.rawValue, key, "\(body.order)", body.amount, body.currency, body.callback])
            if body.callback != nil {
                for _ in 0..<copies {
                    try database.execute(
                        sql: "INSERT INTO callbacks (payment, due_at) VALUES (?, ?)",
                        arguments: [id.rawValue, due.milliseconds])
                }
            }
            let charge = ChargeDocument(
                payment: id, order: body.order, amount: body.amount, currency: body.currency, refunded: 0)
            return .success((charge, true))
        }
        return try result.get()
    }

    /// All payments of an order.
    package func charges(of order: OrderID) async throws -> [ChargeDocument] {
        try await self.queue.read { database in
            try Row.fetchAll(
                database, sql: Self.charges + " FROM payments WHERE order_id = ? ORDER BY id LIMIT ?",
                arguments: ["\(order)", Limits.paymentsPerOrder]
            ).map(Self.charge)
        }
    }

    /// Gives a payment back; a repetition under its key changes nothing.
    ///
    /// - Parameters:
    ///   - ends: When it is done, by the wall clock.
    ///   - fails: It will not be, and gives nothing back.
    package func refund(
        _ body: RefundBody, key: String, ends: Instant, fails: Bool, now: Instant
    ) async throws -> (refund: RefundDocument, isNew: Bool) {
        let result = try await self.commit { database -> Result<(RefundDocument, Bool), Problem> in
            if let known = try Self.refund(key, now, database) {
                let isSame =
                    known.order == body.order && known.payment == body.payment
                    && (body.amount == nil || known.amount == body.amount)
                    && (body.currency == nil || known.currency == body.currency)
                return isSame ? .success((known, false)) : .failure(ProviderRules.keyReused(key))
            }
            let charge = try Row.fetchOne(
                database, sql: Self.charges + " FROM payments WHERE id = ?", arguments: [body.payment.rawValue]
            ).map(Self.charge)
            let amount: Int64
            switch ProviderRules.amount(of: body, charge) {
            case .success(let allowed): amount = allowed
            case .failure(let refusal): return .failure(refusal)
            }
            if !fails {
                try database.execute(
                    sql: "UPDATE payments SET refunded = refunded + ? WHERE id = ?",
                    arguments: [amount, body.payment.rawValue])
            }
            try database.execute(
                sql: "INSERT INTO refunds (key, order_id, payment, amount, currency, has_failed, ends_at) "
                    + "VALUES (?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    key, "\(body.order)", body.payment.rawValue, amount, charge?.currency, fails, ends.milliseconds,
                ])
            guard let made = try Self.refund(key, now, database) else { throw DatabaseError(message: "no refund") }
            return .success((made, true))
        }
        return try result.get()
    }

    package func refund(_ key: String, now: Instant) async throws -> RefundDocument? {
        try await self.queue.read { try Self.refund(key, now, $0) }
    }

    // MARK: rows

    static let charges = "SELECT id, order_id, amount, currency, refunded"
    static let refunds = "SELECT key, order_id, payment, amount, currency, has_failed, ends_at FROM refunds"

    static func charge(_ row: Row) throws -> ChargeDocument {
        let (id, text): (String, String) = (row["id"], row["order_id"])
        guard let payment = PaymentID(id), let order = OrderID(hex: text) else {
            throw DatabaseError(message: "the row of payment \"\(id)\" is damaged")
        }
        return ChargeDocument(
            payment: payment, order: order, amount: row["amount"], currency: row["currency"], refunded: row["refunded"])
    }

    static func refund(_ row: Row, now: Instant) throws -> RefundDocument {
        let (key, id, text): (String, String, String) = (row["key"], row["payment"], row["order_id"])
        guard let payment = PaymentID(id), let order = OrderID(hex: text) else {
            throw DatabaseError(message: "the row of refund \"\(key)\" is damaged")
        }
        let (hasFailed, endsAt): (Bool, Int64) = (row["has_failed"], row["ends_at"])
        return RefundDocument(
            key: key, order: order, payment: payment, amount: row["amount"], currency: row["currency"],
            state: now.milliseconds < endsAt ? .pending : hasFailed ? .failed : .done)
    }

    private static func refund(_ key: String, _ now: Instant, _ database: Database) throws -> RefundDocument? {
        try Row.fetchOne(database, sql: self.refunds + " WHERE key = ?", arguments: [key])
            .map { try self.refund($0, now: now) }
    }
}
