/// The work that a unit's machine wants done after one or more events. The fields separate what must be durable first
/// from what follows it. Only ``carryOut(by:)`` interprets that order.
package struct UnitOutput: Sendable {
    /// Steps in Redis: they start at once, so Redis and the ledger work at the same time.
    package private(set) var steps: [RedisStep] = []
    /// News that does not depend on ``entries``: its own entries are durable, or it confirms nothing.
    package private(set) var durableAlready: [Publication] = []
    /// Durable in one commit, before anything below happens.
    package private(set) var entries: [LedgerEntry] = []
    /// News for the front desk and for buyers, in order.
    package private(set) var publications: [Publication] = []
    private(set) var effects: [(effect: UnitEffect, publicationsBefore: Int)] = []

    package init() {}

    /// Makes room for the entries of a batch of admitted orders at once.
    mutating func makeRoom(orders count: Int) { self.entries.reserveCapacity(self.entries.count + count) }

    /// Makes room for the answers of a batch at once.
    mutating func makeRoom(durableAlready count: Int) {
        self.durableAlready.reserveCapacity(self.durableAlready.count + count)
    }

    package mutating func add(_ entry: LedgerEntry) { self.entries.append(entry) }

    mutating func add(_ publication: Publication) { self.publications.append(publication) }

    mutating func add(_ effect: UnitEffect) { self.effects.append((effect, self.publications.count)) }

    mutating func add(_ step: RedisStep) { self.steps.append(step) }

    mutating func add(durableAlready publication: Publication) { self.durableAlready.append(publication) }

    mutating func addAnswer(to request: BuyRequest, _ answer: Answer) { self.add(.answer(request, answer)) }
}

/// News that the front desk and buyers may learn when it is durable.
package enum Publication: Sendable {
    case answer(BuyRequest, Answer)
    /// The answer to a payment or a cancellation.
    case answerTicket(UInt64, Answer)
    /// An order changed.
    case changed(Order)
    /// An order's position in the waitlist; unknown at first.
    case waitlisted(OrderID, WaitlistPosition)
    case soldOut(LotID, Bool)
    /// The ledger has the request's order, but Redis did not confirm it: the buyer must ask again. The order follows as
    /// ``changed(_:)`` when Redis has been primed with it.
    case withheld(BuyRequest)
    /// Redis was asked, and what it had admitted beyond the ledger is an entry now: the front desk may refuse from
    /// memory.
    case recovered
    /// The orders of a lot are in its archive; all others of the unit are `left`.
    case archived(LotID, left: OrderTable)
}

/// Work for the process, outside the front desk.
package enum UnitEffect: Sendable {
    /// Give the machine the event ``UnitMachine/Event/decide``.
    case decide
    case prime(RedisPrime)
    case survey
    case register(RegisterRequest)
    /// The ledger's digests at these positions, as far as it has them; 0 for none.
    case prove(position: UInt64, challenge: UInt64, earlier: [UInt64])
    case report(UnitReport)
    /// Write the orders of a settled lot to its archive, and tell the machine by ``UnitMachine/Event/archiveEnded(_:)``.
    case archive(LotID)
    /// To the coordinator. The shell fills in whether the clock is to be trusted.
    case contestReport(ContestReport)
    /// The unit's next stamps should be above this one.
    case fence(Stamp)
    /// A peer sent something impossible, and the machine ignored it. Operators must learn of it.
    case alarm(String)
    /// Another process or ledger has taken this unit over, or the computer was set back: the process must end.
    case stop(reason: String)
}
