// The order in which an arriving purchase is judged. What is known comes before what the load allows: a retry, and a buyer
// with an order, are answered in any storm.

extension FrontDesk {
    package enum Arrival: Hashable, Sendable {
        case answered(Answer)
        /// A copy of a request under way: it gets the same answer.
        case joined
        /// It may go to admission.
        case admitted
    }

    /// Judges a purchase that came in.
    ///
    /// - Parameters:
    ///   - shares: The requests that wait for a decision.
    ///   - isOpen: Whether the engine takes requests.
    package mutating func receive(
        _ purchase: Purchase, under load: inout UnitLoad, _ shares: LotShares, isOpen: Bool, now: Instant,
        ticket: () -> UInt64
    ) -> Arrival {
        if let answer = self.answer(to: purchase, now: now) { return .answered(answer) }
        guard isOpen else { return .answered(.refused(.recovering)) }
        switch self.join(purchase.order, ticket: ticket) {
        case .waits: return .joined
        case .tooMany: return .answered(.refused(.overloaded(limit: Limits.copiesPerRequest)))
        case nil: break
        }
        if let refusal = load.refusal(of: purchase.order, now: now) { return .answered(.refused(refusal)) }
        guard shares.exhausted(purchase.lot) == nil else {
            return .answered(.refused(load.refuse(purchase.order, now: now)))
        }
        return .admitted
    }
}
