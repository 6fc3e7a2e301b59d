/// One line of a list that a shop, or its payment provider, keeps of its orders.
package struct ListedOrder: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// The order waits for its payment, or for a verdict.
        case open
        /// The payment was taken.
        case paid
        /// The order has ended without payment.
        case over
        /// A payment has to be given back.
        case refundDue
        /// A payment was given back.
        case refunded

        /// The names of states in lists, for messages.
        package static let names =
            "reserved, won, claim_offered, contested, paid, charged, expired, cancelled, lost, refund_due, refunded"

        package init?(name: some StringProtocol) {
            switch name {
            case "reserved", "won", "claim_offered", "contested": self = .open
            case "paid", "charged": self = .paid
            case "expired", "cancelled", "lost": self = .over
            case "refund_due": self = .refundDue
            case "refunded": self = .refunded
            default: return nil
            }
        }
    }
    /// The highest amount, in minor units of any currency.
    package static let amountLimit = 1_000_000_000_000

    package let order: OrderID
    package let state: State
    /// In minor units of the list's currency.
    package let amount: Int?
    package let payment: PaymentID?

    package init(order: OrderID, state: State, amount: Int? = nil, payment: PaymentID? = nil) {
        (self.order, self.state, self.amount, self.payment) = (order, state, amount, payment)
    }
}

/// Why a line of a list is refused.
package enum ListedOrderError: Error, Hashable, Sendable, CustomStringConvertible {
    case missingColumn(String)
    case columns(Int, expected: Int)
    case order(String)
    case state(String)
    case amount(String)
    case payment(String)

    package var description: String {
        switch self {
        case .missingColumn(let name): "the title has no column \"\(name)\""
        case .columns(let count, let expected): "\(count) fields, and the title has \(expected)"
        case .order(let text): "the order \"\(text.prefix(64))\" is not 32 hexadecimal digits"
        case .state(let text): "the state \"\(text.prefix(64))\" is none of \(ListedOrder.State.names)"
        case .amount(let text):
            "the amount \"\(text.prefix(64))\" is not a whole number in 0...\(ListedOrder.amountLimit): give minor units"
        case .payment(let text):
            "the payment \"\(text.prefix(80))\" has not 1...\(Limits.paymentBytes) printable ASCII characters"
        }
    }
}

extension ListedOrder {
    /// Checks the texts of one line. An empty amount or payment is none.
    package init(order: String, state: String, amount: String?, payment: String?) throws(ListedOrderError) {
        guard let id = OrderID(hex: order) else { throw .order(order) }
        guard let known = State(name: state) else { throw .state(state) }
        self.init(order: id, state: known, amount: try Self.amount(amount), payment: try Self.payment(payment))
    }

    private static func amount(_ text: String?) throws(ListedOrderError) -> Int? {
        guard let text, !text.isEmpty else { return nil }
        guard let amount = Int(text), (0...Self.amountLimit).contains(amount) else { throw .amount(text) }
        return amount
    }

    private static func payment(_ text: String?) throws(ListedOrderError) -> PaymentID? {
        guard let text, !text.isEmpty else { return nil }
        guard let payment = PaymentID(text) else { throw .payment(text) }
        return payment
    }
}

/// Reads a list in the form of CSV (RFC 4180), whose first line names the columns. A field has no line break.
package struct ListedOrderTable: Sendable {
    private let columns: [String]
    private let order: Int
    private let state: Int

    package init(title: String) throws(ListedOrderError) {
        self.columns = Self.fields(title)
        guard let order = self.columns.firstIndex(of: "order") else { throw .missingColumn("order") }
        guard let state = self.columns.firstIndex(of: "state") else { throw .missingColumn("state") }
        (self.order, self.state) = (order, state)
    }

    package func row(_ line: String) throws(ListedOrderError) -> ListedOrder {
        let fields = Self.fields(line)
        guard fields.count == self.columns.count else { throw .columns(fields.count, expected: self.columns.count) }
        func field(_ name: String) -> String? { self.columns.firstIndex(of: name).map { fields[$0] } }
        return try ListedOrder(
            order: fields[self.order], state: fields[self.state], amount: field("amount"), payment: field("payment"))
    }

    private static func fields(_ line: String) -> [String] {
        var fields = [""]
        var isQuoted = false
        var wasQuote = false
        for character in line where character != "\r" {
            if character == "\"" {
                // Two quotes within quotes are one.
                if !isQuoted, wasQuote { fields[fields.count - 1].append("\"") }
                (isQuoted, wasQuote) = (!isQuoted, isQuoted)
                continue
            }
            wasQuote = false
            if character == ",", !isQuoted { fields.append("") } else { fields[fields.count - 1].append(character) }
        }
        return fields
    }
}
