import TrancheCore

// Cloned machines: a second process runs on a copy of the ledger, with the same Redis.

extension World {
    /// The original of a cloned machine lives on, with the ledger as its own. It has lost the center, but still reaches Redis
    /// and half of the buyers. The copy starts soon after, as the unit's next process.
    func cloneUnit(_ id: UnitID) {
        let unit = self.units[known: id]
        // In a contest the coordinator is the fence: it takes no reports of the original.
        guard unit.original == nil, let process = unit.process, process.machine.book.contests.isEmpty else { return }
        process.ownLedger = unit.ledger
        unit.original = process
        unit.process = nil
        if self.random.happens(permille: 500) {
            // As a virtual machine stands still while it is copied.
            process.frozenUntil = self.now.advanced(milliseconds: Int64(self.random.number(10...600)))
        }
        self.planRestart(id, afterMilliseconds: self.random.number(1...400))
        self.checker.setBack.insert(id)  // A copy is a ledger that was set back, to its original.
        self.mark("machine cloned")
    }

    /// When the process goes on, if it stands still.
    func frozenUntil(_ id: UnitID, session: UInt64) -> Instant? {
        guard let original = self.units[known: id].original, original.session == session else { return nil }
        return original.frozenUntil > self.now ? original.frozenUntil : nil
    }

    /// The process that a buyer's request reaches.
    func reached(_ id: UnitID) -> UnitProcess? {
        let unit = self.units[known: id]
        if let original = unit.original, unit.process == nil || self.random.happens(permille: 500) {
            return original.frozenUntil > self.now ? nil : original
        }
        return unit.process
    }
}
