/// The faults of a world. The seed draws every number of it.
package struct FaultProfile: Sendable {
    package var lossPermille: Int
    package var duplicatePermille: Int
    package var delayMicroseconds: ClosedRange<Int>
    /// Chance that a process dies at a possible crash point.
    package var crashPermille: Int
    /// Mean pauses between drawn faults, in milliseconds.
    package var faultEveryMilliseconds: Int
    package var backups: Bool
    package var redisFaults: Bool
    package var clockStepMilliseconds: Int
    /// How fast a clock may gain or lose, in microseconds per second.
    package var clockDrift: Int
    package var clocksStop: Bool
    /// Links that break one way.
    package var linkFaults: Bool
    package var pauses: Bool
    package var fullDisks: Bool
    /// Machines are cloned: original and copy run at the same time.
    package var clones: Bool
    /// Chance that a disk refuses one write.
    package var refusedWritePermille: Int

    package init(random: inout SeededRandom) {
        self.lossPermille = random.number(0...300)
        self.duplicatePermille = random.number(0...500)
        let least = random.number(1_000...100_000)
        self.delayMicroseconds = least...(least + random.number(1_000...100_000))
        self.crashPermille = random.number(0...8)
        self.faultEveryMilliseconds = random.number(100...2_000)
        self.backups = random.happens(permille: 500)
        self.redisFaults = random.happens(permille: 700)
        self.clockStepMilliseconds = random.happens(permille: 300) ? random.number(1...400) : 0
        self.clockDrift = random.happens(permille: 300) ? random.number(50...50_000) : 0
        self.clocksStop = random.happens(permille: 150)
        self.linkFaults = random.happens(permille: 600)
        self.pauses = random.happens(permille: 500)
        self.fullDisks = random.happens(permille: 300)
        self.refusedWritePermille = random.happens(permille: 400) ? random.number(1...5) : 0
        self.clones = random.happens(permille: 300)
    }

    enum Kind: CaseIterable {
        case crashUnit, crashCenter, coordinator, emptyRedis, setRedisBack, stopRedis, backUpOrRestore, stepClock
        case detuneClock, breakLinks, pauseUnit, fillDisk, cloneUnit

        /// Redis or the ledger has an older state, or none, after it.
        var losesMemory: Bool { self == .emptyRedis || self == .setRedisBack || self == .backUpOrRestore }
    }

    /// The faults that can be drawn in this world.
    var kinds: [Kind] {
        Kind.allCases.filter { kind in
            switch kind {
            case .crashUnit, .crashCenter, .coordinator: true
            case .emptyRedis, .setRedisBack, .stopRedis: self.redisFaults
            case .backUpOrRestore: self.backups
            case .stepClock: self.clockStepMilliseconds > 0
            case .detuneClock: self.clockDrift > 0 || self.clocksStop
            case .breakLinks: self.linkFaults
            case .pauseUnit: self.pauses
            case .fillDisk: self.fullDisks
            case .cloneUnit: self.clones
            }
        }
    }

    /// The profile after faults stop.
    mutating func heal() {
        self.lossPermille = 0
        self.duplicatePermille = 0
        self.crashPermille = 0
        self.refusedWritePermille = 0
    }
}
