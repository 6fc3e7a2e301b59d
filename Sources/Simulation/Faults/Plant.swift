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
    /// Stock that came back goes to the buyer who came last.
    case waitlistOvertaken
    /// Waitlisted buyers are refused although stock may come back.
    case releasesTooEarly
    /// Equal stamps are ordered by region.
    case regionAsTieKey
    /// The ledger could not be written, and the unit goes on.
    case fullDiskIgnored
    /// The payment provider is told "taken" before that is in the ledger.
    case paymentTakenBeforeCommit
    /// The limit of stamps is in memory only.
    case ceilingNotDurable
    /// The center counts quota as returned as soon as it has asked for it: it gives before it takes.
    case reclaimIsTaken
    /// Quota is a lease: a unit that is silent for a while loses what it has not reported as sold.
    case leaseExpires

    /// The mistake can show in a contest only.
    var needsContest: Bool {
        switch self {
        case .orderByArrival, .watermarkOutsideTheLock, .frontierNotLogged, .waitlistOvertaken, .releasesTooEarly,
            .regionAsTieKey:
            true
        default: false
        }
    }

    /// The invariants that the mistake breaks. Any other one that breaks beside it is a finding of its own.
    package var breaks: Set<String> {
        switch self {
        case .grantsAsDeltas, .quotaAsValue, .reclaimIsTaken: ["I1"]
        case .redisTrusted, .answerBeforeCommit, .paymentTakenBeforeCommit: ["I4"]
        // What a unit gives back is an entry, too: the center sells it again, and the ledger never heard of it.
        case .fullDiskIgnored: ["I1", "I4"]
        case .noHandshake: ["I1", "I2", "I3", "L1", "L2"]
        case .orderByArrival, .frontierNotLogged, .regionAsTieKey: ["I9"]
        case .watermarkOutsideTheLock, .ceilingNotDurable: ["I8"]
        case .waitlistOvertaken, .releasesTooEarly: ["I10"]
        case .leaseExpires: ["I1", "I2", "I3"]
        }
    }

    /// Makes sure that the faults happen which the mistake needs to show.
    func provoke(_ profile: inout FaultProfile) {
        switch self {
        case .noHandshake: profile.backups = true
        case .redisTrusted: profile.redisFaults = true
        case .fullDiskIgnored: profile.fullDisks = true
        case .ceilingNotDurable: profile.clockStepMilliseconds = 400
        case .leaseExpires: profile.linkFaults = true
        default: break
        }
    }
}
