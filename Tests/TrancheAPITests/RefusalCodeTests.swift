import Testing
import TrancheAPI
import TrancheCore

@Suite("Codes of refusals in figures") struct RefusalCodeTests {
    private static let order = OrderID(high: 1, low: 2)
    private static let refusals: [Refusal] = [
        .unknownLot(LotID(1)), .unknownOrder(order), .invalidQuantity(0, limit: 1), .notStarted(opensAt: .distantPast),
        .ended, .paused, .soldOut(requested: 1), .restocking, .duplicate(held: 1, limit: 1),
        .limitReached(requested: 1, held: 1, limit: 1), .overloaded(limit: 1), .shed(retryAfterSeconds: 1), .recovering,
        .alreadyPaid(order), .paymentTooLate(order, state: .expired), .unknownPayment(order),
        .notCancellable(order, state: .paid), .referred(to: UnitID(1)),
        .amountMissing(order, amount: .none), .otherCurrency(order, of: .none, expected: .none),
        .otherLot(order, lot: LotID(1)), .tooManyPayments(order, limit: 1),
    ]
    private static let errors: [TokenError] = [
        .missing, .malformed(reason: ""), .forged, .early(notBefore: .distantPast), .expired(at: .distantPast),
        .blocked, .revoked(.first, current: .first), .wrongLot(LotID(1), expected: LotID(2)), .wrongUnit(UnitID(1)),
    ]

    @Test("figures have the code that the buyer's answer has") func codesAreThoseOfProblems() {
        for refusal in Self.refusals { #expect(RefusalCode(refusal).rawValue == Problem(refusal).code) }
        for error in Self.errors { #expect(RefusalCode(error).rawValue == Problem(error).code) }
        let seen = Set(Self.refusals.map { RefusalCode($0) } + Self.errors.map { RefusalCode($0) })
        #expect(seen == Set(RefusalCode.allCases))
    }

    @Test("each code has its own number, in the order of the label's values") func numbersArePlaces() {
        #expect(RefusalCode.allCases.map(\.number) == Array(RefusalCode.allCases.indices))
    }
}
