/// How bad a world is. The seed draws every number of it.
package struct FaultProfile: Sendable {
    package var lossPermille: Int
    package var duplicatePermille: Int
    package var delayMicroseconds: ClosedRange<Int>
    /// Chance that a process dies at one of the places where it could.
    package var crashPermille: Int
    /// Mean pauses between drawn faults, in milliseconds.
    package var faultEveryMilliseconds: Int
    package var backups: Bool
    package var redisFaults: Bool
    package var clockStepMilliseconds: Int

    package init(random: inout SeededRandom) {
        self.lossPermille = random.number(0...300)
        self.duplicatePermille = random.number(0...500)
        let least = random.number(500...10_000)
        self.delayMicroseconds = least...(least + random.number(1_000...150_000))
        self.crashPermille = random.number(0...8)
        self.faultEveryMilliseconds = random.number(200...3_000)
        self.backups = random.happens(permille: 500)
        self.redisFaults = random.happens(permille: 700)
        self.clockStepMilliseconds = random.happens(permille: 300) ? random.number(1...400) : 0
    }

    /// What is left when faults stop.
    mutating func heal() {
        self.lossPermille = 0
        self.duplicatePermille = 0
        self.crashPermille = 0
        self.clockStepMilliseconds = 0
    }
}

/// Mistakes that are planted on purpose, at the edges of the world, so that the checkers can be seen to catch them.
package enum Plant: String, Sendable, CaseIterable {
    /// Grants travel as differences without ids.
    case grantsAsDeltas
    /// The center tells a unit "you have N" instead of what it was granted in all.
    case quotaAsValue
    /// A buyer is told yes on Redis's word.
    case redisTrusted
    /// A unit sells after a restart without being asked for its ledger.
    case noHandshake
    /// Answers leave before the commit.
    case answerBeforeCommit
    /// The merge goes by arrival at the coordinator.
    case orderByArrival
    /// A unit promises a watermark while requests below it are still on their way to the machine.
    case watermarkOutsideTheLock
    /// The log does not say how far the contest has come, so the next coordinator begins anew.
    case frontierNotLogged
    /// Stock that came back goes to whoever came last.
    case waitlistOvertaken
    /// Whoever waits is sent away although stock may come back.
    case releasesTooEarly
    /// Equal stamps are ordered by region.
    case regionAsTieKey

    /// The mistake can show in a contest only.
    var needsContest: Bool {
        switch self {
        case .orderByArrival, .watermarkOutsideTheLock, .frontierNotLogged, .waitlistOvertaken, .releasesTooEarly,
            .regionAsTieKey:
            true
        case .grantsAsDeltas, .quotaAsValue, .redisTrusted, .noHandshake, .answerBeforeCommit: false
        }
    }
}
