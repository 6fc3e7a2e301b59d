import TrancheCore

// Cloned machines: a second process runs on a copy of the ledger, with the same Redis.

extension World {
    /// The original of a cloned machine stands still, as a virtual machine does while it is copied, and goes on when the
    /// copy sells. It has lost the center, but reaches Redis and half of the buyers.
    func cloneUnit(_ id: UnitID) {
        let unit = self.units[known: id]
        // In a contest the coordinator is the fence: it takes no reports of the original.
        guard unit.original == nil, let process = unit.process, process.machine.book.contests.isEmpty else { return }
        process.ownLedger = unit.ledger
        unit.original = process
        unit.wasCloned = true
        unit.process = nil
        self.planRestart(id, afterMilliseconds: self.random.number(1...400))
        self.checker.setBack.insert(id)  // A copy is a ledger that was set back, to its original.
        self.mark("machine cloned")
    }

    /// Whether the process is the original of a cloned machine, and stands still.
    func isFrozen(_ id: UnitID, session: UInt64) -> Bool {
        let unit = self.units[known: id]
        guard let original = unit.original, original.session == session, !original.isAwake else { return false }
        guard let copy = unit.process?.machine, copy.mayIssue, copy.book.lots.allSatisfy({ copy.isPrimed($0) }) else {
            return true
        }
        original.isAwake = true
        self.mark("original of a clone awake")
        return false
    }

    /// The process that a buyer's request reaches.
    func reached(_ id: UnitID) -> UnitProcess? {
        let unit = self.units[known: id]
        if let original = unit.original, unit.process == nil || self.random.happens(permille: 500) {
            return original.isAwake ? original : unit.process
        }
        return unit.process
    }
}
