package import TrancheCore

/// The codes with which a unit refuses purchases, for figures: a closed set.
///
/// ``Problem`` makes the documents; a test compares the two.
package enum RefusalCode: String, CaseIterable, Sendable {
    case badToken = "bad_token"
    case tokenExpired = "token_expired"
    case tokenRevoked = "token_revoked"
    case blocked
    case wrongUnit = "wrong_unit"
    case notStarted = "not_started"
    case ended
    case paused
    case unknownLot = "unknown_lot"
    case unknownOrder = "unknown_order"
    case invalidQuantity = "invalid_quantity"
    case soldOut = "sold_out"
    case restocking
    case duplicate
    case limitReached = "limit_reached"
    case overloaded
    case recovering
    case alreadyPaid = "already_paid"
    case paymentTooLate = "payment_too_late"
    case notCancellable = "not_cancellable"
    case amountMissing = "amount_missing"
    case otherCurrency = "other_currency"
    case otherLot = "other_lot"
    case tooManyPayments = "too_many_payments"

    package init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .unknownLot: .unknownLot
            case .unknownOrder, .unknownPayment: .unknownOrder
            case .invalidQuantity: .invalidQuantity
            case .notStarted: .notStarted
            case .ended: .ended
            case .paused: .paused
            case .referred: .wrongUnit
            case .soldOut: .soldOut
            case .restocking: .restocking
            case .duplicate: .duplicate
            case .limitReached: .limitReached
            case .overloaded, .shed: .overloaded
            case .recovering: .recovering
            case .alreadyPaid: .alreadyPaid
            case .paymentTooLate: .paymentTooLate
            case .notCancellable: .notCancellable
            case .amountMissing: .amountMissing
            case .otherCurrency: .otherCurrency
            case .otherLot: .otherLot
            case .tooManyPayments: .tooManyPayments
            }
    }

    package init(_ error: TokenError) {
        self =
            switch error {
            case .missing, .malformed, .forged, .wrongLot: .badToken
            case .expired: .tokenExpired
            case .revoked: .tokenRevoked
            case .blocked: .blocked
            case .early: .notStarted
            case .wrongUnit: .wrongUnit
            }
    }

    /// Its place in `allCases`, without a search.
    package var number: Int {
        switch self {
        case .badToken: 0
        case .tokenExpired: 1
        case .tokenRevoked: 2
        case .blocked: 3
        case .wrongUnit: 4
        case .notStarted: 5
        case .ended: 6
        case .paused: 7
        case .unknownLot: 8
        case .unknownOrder: 9
        case .invalidQuantity: 10
        case .soldOut: 11
        case .restocking: 12
        case .duplicate: 13
        case .limitReached: 14
        case .overloaded: 15
        case .recovering: 16
        case .alreadyPaid: 17
        case .paymentTooLate: 18
        case .notCancellable: 19
        case .amountMissing: 20
        case .otherCurrency: 21
        case .otherLot: 22
        case .tooManyPayments: 23
        }
    }
}
