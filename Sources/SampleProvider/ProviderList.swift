import DaemonSupport
import GRDB
package import TrancheAPI
package import TrancheCore

/// A part of the provider's book, in the order of the payments' ids.
package struct ProviderPage: Hashable, Sendable, Codable {
    package struct Payment: Hashable, Sendable, Codable {
        package let charge: ChargeDocument
        package let refunds: [RefundDocument]
    }
    package let payments: [Payment]
    /// Callbacks that no receiver has answered for good; on the first page only.
    package let openCallbacks: Int?
    /// For `?after=`; `nil` on the last page.
    package let next: String?
}

// The book as a list that `tranche reconcile --provider` reads: a line for each payment, and one for each refund that
// is done.
extension ProviderPage {
    package static let csvTitle = "order,state,amount,payment\r\n"

    package var csv: String {
        var text = ""
        for one in self.payments {
            // Ids of this provider have no commas.
            text += "\(one.charge.order),charged,\(one.charge.amount),\(one.charge.payment)\r\n"
            for refund in one.refunds where refund.state == .done {
                text += "\(refund.order),refunded,\(refund.amount),\(refund.payment)\r\n"
            }
        }
        return text
    }
}

extension ProviderBook {
    /// Payments in one page.
    package static let pageLimit = 1_000

    /// A page of the book.
    ///
    /// - Parameter payment: The last payment of the page before; empty for the first page.
    package func page(after payment: String, now: Instant) async throws -> ProviderPage {
        let open = try await payment.isEmpty ? self.openCallbacks() : nil
        return try await self.queue.read { database in
            let charges = try Row.fetchAll(
                database, sql: Self.charges + " FROM payments WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [payment, Self.pageLimit]
            ).map(Self.charge)
            let last = charges.last?.payment.rawValue ?? payment
            var refunds: [PaymentID: [RefundDocument]] = [:]
            for row in try Row.fetchAll(
                database, sql: Self.refunds + " WHERE payment > ? AND payment <= ? ORDER BY payment, key",
                arguments: [payment, last])
            {
                let refund = try Self.refund(row, now: now)
                refunds[refund.payment, default: []].append(refund)
            }
            return ProviderPage(
                payments: charges.map { .init(charge: $0, refunds: refunds[$0.payment] ?? []) }, openCallbacks: open,
                next: charges.count == Self.pageLimit ? last : nil)
        }
    }
}
