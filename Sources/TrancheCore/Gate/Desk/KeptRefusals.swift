/// Refusals of the last second, by a hash of the request. A program that asks a hundred times a second gets the refusal
/// that it had before, and its session, address and rules are not looked at again.
///
/// Only refusals are kept, so nobody is admitted from here. Only refusals that hold anyway are kept: a limit refuses
/// until its wait is over, whatever the request says, a rule until the lists or the configuration change, and a caller who
/// is shed stays so while the load lasts (``CallerDraw``). A change reaches a refused caller ``lifeMilliseconds`` later, which is also the shortest `Retry-After` in whole seconds.
///
/// A table of fixed size: a newer refusal takes the slot of an older one. The hash has a secret key (``SipHash``), so
/// that strangers cannot choose requests that share a slot.
package struct KeptRefusals<Answer: Sendable>: Sendable {
    private struct Kept: Sendable {
        let request: UInt64
        let until: Instant
        let answer: Answer
    }

    package static var lifeMilliseconds: Int64 { 1_000 }
    /// The codes of refusals that do not depend on the body of the request, or on the moment.
    package static var codes: Set<String> {
        let refusals: [GateRefusal] = [
            .rateLimited(retryAfterMilliseconds: 0), .sessionLimited(retryAfterMilliseconds: 0), .blocked(until: nil),
            .notEligible(rule: ""), .overloaded(retryAfterMilliseconds: 0),
        ]
        return Set(refusals.map(\.code))
    }

    private var slots: [Kept?]

    /// - Parameter capacity: A power of two.
    package init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "\(capacity) slots are not a power of two")
        self.slots = [Kept?](repeating: nil, count: capacity)
    }

    /// - Parameters:
    ///   - request: A hash of everything that the refusal depends on: caller, address, and what was asked for.
    ///   - now: By a clock that never steps.
    package mutating func keep(_ answer: Answer, for request: UInt64, now: Instant) {
        self.slots[self.slot(of: request)] = Kept(
            request: request, until: now.advanced(milliseconds: Self.lifeMilliseconds), answer: answer)
    }

    /// The answer to a request that was refused within the last second.
    package func answer(to request: UInt64, now: Instant) -> Answer? {
        guard let kept = self.slots[self.slot(of: request)], kept.request == request, now < kept.until else {
            return nil
        }
        return kept.answer
    }

    private func slot(of request: UInt64) -> Int { Int(truncatingIfNeeded: request) & (self.slots.count - 1) }
}
