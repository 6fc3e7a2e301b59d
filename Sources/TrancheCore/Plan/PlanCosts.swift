/// What one of everything costs, as `docs/performance.md` has it: measured, unless it is said otherwise there.
package enum PlanCosts {
    /// Orders a second of a unit with 64 connections, on two processors that its Redis and the buyers share.
    package static let unitCapacity = 21_343
    /// Memory of a unit for each order of a sale that is not settled.
    package static let unitBytesPerOrder = 298
    /// Disk of a unit for each order: reservation, payment and archive, if each entry has a commit of its own.
    package static let diskBytesPerOrder = 300
    /// The room of a ledger's log, which is written ahead, and the same once more while it is copied.
    package static let logBytes = 96 << 20
    /// A Redis without anything in it.
    package static let emptyRedisBytes = 1 << 20
    /// A unit's Redis for each lot, if the last step had as many requests as it can have.
    package static let redisBytesPerLot = 49_516
    /// A gate's Redis for each buyer: three limits, one order's attempt and one token.
    package static let gateBytesPerBuyer = 709
    /// Candidates that one contest decides a second.
    package static let decidedPerSecond = 27_078.0
    /// A decision takes this long beside the way to the coordinator and back.
    package static let decisionMilliseconds = 20
    /// A candidate and its verdict; a report of a contest and its answer.
    package static let candidateBytes = 40 + 21
    package static let contestReportBytes = 265 + 187
    package static let contestReportsPerSecond = 1_000 / Double(ContestQueue.reportMilliseconds)
    /// The time until the last item is sold, against one counter for all units, if it is not contested.
    package static let slowdown = 1.04
}
