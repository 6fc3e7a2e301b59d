/// Deliberate mistakes at the edges of the world, which show that the checkers catch them.
package enum Plant: String, Sendable, CaseIterable {
    /// Grants travel as differences without ids.
    case grantsAsDeltas
    /// The center tells a unit "you have N" instead of its cumulative grant.
    case quotaAsValue
    /// An order is acknowledged when the ledger has it, without waiting for Redis.
    case redisNotAwaited
    /// A step that Redis lost, or did not answer, counts as done: the lot is not primed again.
    case lostStepIgnored
    /// A commit fails, and the machine goes on, ahead of the disk.
    case laterBatchAnswered
    /// A unit sells after a restart without proof of its ledger.
    case noHandshake
    /// Answers leave before the commit.
    case answerBeforeCommit
    /// The merge orders by arrival at the coordinator.
    case orderByArrival
    /// A unit promises a watermark while requests below it are still on their way to the machine.
    case watermarkOutsideTheLock
    /// The log lacks the frontier, so the next coordinator starts the contest again.
    case frontierNotLogged
    /// Returned stock goes to the last buyer in line.
    case waitlistOvertaken
    /// Waitlisted buyers are refused although stock may return.
    case releasesTooEarly
    /// Equal stamps are ordered by region.
    case regionAsTieKey
    /// The ledger could not be written, and the unit continues.
    case fullDiskIgnored
    /// A payment is acknowledged before it is in the ledger.
    case paymentTakenBeforeCommit
    /// The ceiling of stamps is in memory only.
    case ceilingNotDurable
    /// The center counts quota as returned when it sends the reclaim: it gives before it takes.
    case reclaimIsTaken
    /// A nonce in the ledger replaces the one before it without a trace: what the center saw cannot be proved.
    case replacedHeadsForgotten
    /// Quota is a lease: a silent unit loses what it has not reported as sold.
    case leaseExpires
    /// A home hears of a branch once, and its ledger does not have it: after a restart it admits whom it has referred.
    case twoHomes
    /// The cursor of a relay is durable when events were read, before the shop's yes.
    case cursorBeforeYes
    /// The provider gets a refund under another key with each try.
    case refundWithoutKey
    /// A process knows only the refunds that became due in its own time.
    case refundForgottenOnRestart
    /// The items of an unpaid order are sold again at its deadline, without a question to the provider.
    case returnBeforeAsking
    /// A provider that does not know whether it was paid has not been paid.
    case unknownIsUnpaid

    /// The mistake shows only if a unit is added.
    var needsGrowth: Bool { self == .twoHomes }

    /// The mistake shows only in a world with a provider and a shop.
    var needsTrade: Bool {
        switch self {
        case .cursorBeforeYes, .refundWithoutKey, .refundForgottenOnRestart, .returnBeforeAsking, .unknownIsUnpaid:
            true
        default: false
        }
    }

    /// The mistake can show in a contest only.
    var needsContest: Bool {
        switch self {
        case .orderByArrival, .watermarkOutsideTheLock, .frontierNotLogged, .waitlistOvertaken, .releasesTooEarly,
            .regionAsTieKey:
            true
        default: false
        }
    }

    /// The invariants that the mistake breaks. Any other broken invariant is a finding of its own.
    package var breaks: Set<String> {
        switch self {
        case .grantsAsDeltas, .quotaAsValue, .reclaimIsTaken: ["I1"]
        case .answerBeforeCommit, .paymentTakenBeforeCommit: ["I4"]
        // The original of a cloned machine sells what its copy sells, too.
        case .redisNotAwaited: ["I3", "I4"]
        case .lostStepIgnored: ["L1"]
        // Every kind of entry can be the one that is missing.
        case .laterBatchAnswered: ["I1", "I2", "I3", "I4", "I5", "I6", "L1"]
        // A return is an entry, too: the center sells the stock again, and the ledger does not have the return.
        case .fullDiskIgnored: ["I1", "I4"]
        case .noHandshake: ["I1", "I2", "I3", "L1", "L2"]
        case .orderByArrival, .frontierNotLogged, .regionAsTieKey: ["I9"]
        case .watermarkOutsideTheLock, .ceilingNotDurable: ["I8"]
        case .waitlistOvertaken, .releasesTooEarly: ["I10"]
        case .leaseExpires: ["I1", "I2", "I3"]
        case .replacedHeadsForgotten: ["L1"]
        // The home refuses as sold out what the branch has sold.
        case .twoHomes: ["I5", "I12"]
        case .cursorBeforeYes: ["I15"]
        // A second refund is more than was due, or is refused: then the refund never ends.
        case .refundWithoutKey: ["I13"]
        case .refundForgottenOnRestart: ["I13"]
        case .returnBeforeAsking, .unknownIsUnpaid: ["I14"]
        }
    }

    /// Turns on the faults that the mistake needs to show.
    func provoke(_ profile: inout FaultProfile) {
        switch self {
        case .noHandshake: profile.backups = true
        case .redisNotAwaited: profile.clones = true
        case .lostStepIgnored: profile.redisFaults = true
        case .fullDiskIgnored, .laterBatchAnswered: profile.fullDisks = true
        case .ceilingNotDurable: profile.clockStepMilliseconds = 400
        case .leaseExpires: profile.linkFaults = true
        default: break
        }
    }
}
