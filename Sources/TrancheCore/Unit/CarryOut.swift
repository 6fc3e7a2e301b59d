// Durable first, then answered: the order in which the output of a machine is carried out.

extension UnitOutput {
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
