package import TrancheCore

/// The findings on disk, by invariant.
package struct VerifyReport: Sendable, Codable {
    /// A payment that must be refunded, by the ledger of the unit that received it.
    package struct Refund: Sendable, Codable {
        package let unit: String
        package let order: OrderID
        package let payment: PaymentID
        package let reason: RefundReason
        /// In minor units; `nil` for the whole payment, whatever it was.
        package let amount: Int64?
        package let currency: String?
        /// Whether the payment provider has carried it out.
        package var isDone: Bool
    }
    package enum Verdict: String, Sendable, Codable {
        case holds, broken
        /// The sale has no case of this invariant, or files cannot show it.
        case notApplicable = "n/a"
    }
    package struct Check: Sendable, Codable {
        package let invariant: String
        package let statement: String
        package let verdict: Verdict
        package let figures: String
        package let findings: [String]
    }
    package struct Lot: Sendable, Codable {
        package let lot: UInt32
        package let issued: Int
        package let pool: Int
        package let available: Int
        package let paid: Int
        package let held: Int
        package let stranded: Int
        /// The part of the outstanding stock that contests gave.
        package let allocated: Int
        /// Sales that only replaced ledgers contain: owed to their buyers.
        package let owed: Int
        /// Items that became the stock of another lot.
        package let carried: Int
        package var unsold: Int { self.pool + self.available }
        package var promised: Int { self.paid + self.held + self.owed }
        package var oversold: Int { max(0, self.promised + self.carried - self.issued) }
    }
    package struct UnitLot: Sendable, Codable {
        package let unit: UInt16
        package let name: String
        package let lot: UInt32
        package let granted: Int
        package let allocated: Int
        package let returned: Int
        package let paid: Int
        package let held: Int
        package let expired: Int
        package let cancelled: Int
    }
    package var checks: [Check] = []
    package var lots: [Lot] = []
    package var units: [UnitLot] = []
    package var refunds: [Refund] = []

    package var isSound: Bool { self.checks.allSatisfy { $0.verdict != .broken } }
}
