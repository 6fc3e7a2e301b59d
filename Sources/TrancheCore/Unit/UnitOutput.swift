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
    private var effects: [(effect: UnitEffect, publicationsBefore: Int)] = []

    package init() {}

    /// Carries everything out in the order that safety needs: first the steps in Redis, the news that is durable
    /// already, and the commit; then publications and effects in the order in which the machine added them.
    ///
    /// - Throws: The error of the commit. No publication and no effect has happened then. The machine is ahead of the
    ///   disk, so the shell answers every waiting buyer with ``Refusal/recovering``, drops the machine, and recovers
    ///   one from the ledger.
    package func carryOut<Shell: UnitShell>(by shell: Shell) throws(Shell.Failure) {
        var steps = self.steps[...]
        while !steps.isEmpty {
            shell.send(JoinedSteps(steps.prefix(Limits.lotsPerRedisCall)))
            steps = steps.dropFirst(Limits.lotsPerRedisCall)
        }
        if !self.durableAlready.isEmpty { shell.publish(self.durableAlready[...]) }
        if !self.entries.isEmpty { try shell.commit(self.entries) }
        var published = 0
        for (effect, publicationsBefore) in self.effects {
            if published < publicationsBefore { shell.publish(self.publications[published..<publicationsBefore]) }
            published = publicationsBefore
            shell.perform(effect)
        }
        if published < self.publications.count { shell.publish(self.publications[published...]) }
    }

    /// Makes room for the entries of a batch of admitted orders at once.
    mutating func reserveCapacity(orders count: Int) { self.entries.reserveCapacity(self.entries.count + count) }

    /// Makes room for the answers of a batch at once.
    mutating func reserveCapacity(durableAlready count: Int) {
        self.durableAlready.reserveCapacity(self.durableAlready.count + count)
    }

    package mutating func add(_ entry: LedgerEntry) { self.entries.append(entry) }

    mutating func add(_ publication: Publication) { self.publications.append(publication) }

    mutating func add(_ effect: UnitEffect) { self.effects.append((effect, self.publications.count)) }

    mutating func add(_ step: RedisStep) { self.steps.append(step) }

    mutating func add(durableAlready publication: Publication) { self.durableAlready.append(publication) }

    mutating func addAnswer(to request: BuyRequest, _ answer: Answer) { self.add(.answer(request, answer)) }
}

/// The process around a machine: its disk, Redis, front desk and network.
package protocol UnitShell {
    associatedtype Failure: Error
    /// Sends one call to Redis. The machine learns of its results by ``UnitMachine/Event/redisResults(_:)``.
    func send(_ steps: JoinedSteps)
    /// Makes the entries durable in one transaction, and tells the machine by ``UnitMachine/committed(_:)``.
    func commit(_ entries: [LedgerEntry]) throws(Failure)
    /// Publishes to the front desk first and answers after that, so that a buyer with an answer finds the order known.
    func publish(_ publications: ArraySlice<Publication>)
    func perform(_ effect: UnitEffect)
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
    /// New buyers of a lot who prefer the branch are not refused from memory any more.
    case branched(LotID, Branch)
}

/// Work for the process, outside the front desk.
package enum UnitEffect: Sendable {
    /// Give the machine the event ``UnitMachine/Event/nextRound``.
    case nextRound
    case prime(RedisPrime)
    case survey
    case register(RegisterRequest)
    /// The ledger's digests at these positions, as far as it has them; 0 for none.
    case prove(position: UInt64, challenge: UInt64, earlier: [UInt64])
    case report(UnitReport)
    /// Write the orders of a settled lot to its archive, and tell the machine by ``UnitMachine/Event/archiveEnded(_:)``.
    case archive(LotID)
    /// Ask the payment provider what it has taken for the order, and tell the machine by
    /// ``UnitMachine/Event/providerAnswered(_:_:)``. At most ``Limits/providerQuestions`` are under way.
    case askProvider(ProviderQuestion)
    /// Have the provider carry the refund out, under its key, and tell the machine by
    /// ``UnitMachine/Event/refundAnswered(_:_:)``. At most ``Limits/refundsUnderway`` are under way.
    case refund(Refund)
    /// To the coordinator. The shell fills in whether the clock is to be trusted.
    case contestReport(ContestReport)
    /// The unit's next stamps should be above this one.
    case fence(Stamp)
    /// A peer sent something impossible, and the machine ignored it. Operators must learn of it.
    case alarm(String)
    /// Another process or ledger has taken this unit over, or the computer was set back: the process must end.
    case stop(reason: String)
}
