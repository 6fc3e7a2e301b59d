import TrancheCore

// Cloned machines: a second process runs on a copy of the ledger, with the same Redis.

extension World {
    /// The original stops, as a virtual machine does while it is copied. Its copy starts, and the original wakes up when
    /// the copy sells. It has lost the center, but still reaches Redis and some buyers.
    ///
    /// Nothing is promised for what an original sells between the copy and the copy's first priming.
    func cloneUnit(_ id: UnitID) {
        let unit = self.units[known: id]
        guard unit.original == nil, let process = unit.process else { return }
        process.ownLedger = unit.ledger
        unit.original = process
        unit.process = nil
        self.planRestart(id, afterMilliseconds: self.random.number(20...400))
        self.mark("machine cloned")
    }

    /// Whether the process is the original of a cloned machine, and still stands still.
    func isFrozen(_ id: UnitID, session: UInt64) -> Bool {
        let unit = self.units[known: id]
        guard let original = unit.original, original.session == session, !original.isAwake else { return false }
        // In a contest the coordinator is the fence: it takes no reports of the original.
        guard original.machine.book.contests.isEmpty, let copy = unit.process?.machine, copy.mayIssue,
            copy.book.lots.allSatisfy({ copy.isPrimed($0) && !copy.isContended($0) })
        else { return true }
        original.isAwake = true
        self.mark("original of a clone awake")
        return false
    }

    /// The process that a buyer's request reaches.
    func reached(_ id: UnitID) -> UnitProcess? {
        let unit = self.units[known: id]
        if let original = unit.original, original.isAwake, self.random.happens(permille: 500) { return original }
        return unit.process
    }
}
