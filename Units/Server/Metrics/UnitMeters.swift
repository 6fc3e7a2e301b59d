package import DaemonSupport
package import TrancheAPI
package import TrancheCore

/// What a unit counts for every purchase, commit and step: a closed set of series.
package struct UnitMeters: Sendable {
    /// How a purchase ends, as its buyer sees it.
    package enum Outcome: Int, CaseIterable, Sendable {
        case reserved, contested, paid, ended, refused

        init(_ answer: Answer) {
            switch answer {
            case .refused: self = .refused
            case .order(let order):
                self =
                    switch order.state {
                    case .reserved: .reserved
                    case .contested: .contested
                    case .paid: .paid
                    case .cancelled, .expired, .lost: .ended
                    }
            }
        }
    }

    /// The numbers of the families, which are the same in every unit.
    package struct Numbers: Sendable {
        package let families: Families
        let purchases: HistogramFamily
        let refusals: CounterFamily
        let rounds: HistogramFamily
        let commits: HistogramFamily
        let steps: HistogramFamily

        package init() {
            var families = Families()
            self.purchases = families.histogram(
                "tranche_purchase_duration_seconds",
                "From the moment when a unit has read a purchase to its answer, by outcome.", label: "outcome",
                values: Outcome.allCases.map { "\($0)" })
            self.refusals = families.counter(
                "tranche_refusals_total", "Purchases that were refused, by the code of the refusal.", label: "code",
                values: RefusalCode.allCases.map(\.rawValue))
            self.rounds = families.histogram(
                "tranche_engine_round_duration_seconds",
                "One round of the engine, with its commit: new requests wait for so long.")
            self.commits = families.histogram(
                "tranche_ledger_commit_duration_seconds", "One transaction of the ledger: mostly the wait for its disk."
            )
            self.steps = families.histogram(
                "tranche_redis_step_duration_seconds",
                "From the round that sends a call to Redis to the engine's reading of its answer.")
            self.families = families
        }
    }
    package static let numbers = Numbers()

    private let tallies: Tallies
    /// For the ordinary HTTP stack, which has many threads and few purchases.
    let shared: UnitTally

    package init(_ telemetry: Telemetry) {
        self.tallies = telemetry.add(Self.numbers.families)
        self.shared = UnitTally(self.tallies.tally())
    }

    /// What the process has answered since its start, for the center.
    package var figures: PurchaseFigures {
        let counts = self.tallies.counts(Self.numbers.refusals)
        let refused = zip(RefusalCode.allCases, counts).filter { $1 > 0 }.map { ($0.rawValue, $1) }
        let buckets = self.tallies.buckets(Self.numbers.purchases)
        let durations = Outcome.allCases.filter { $0 != .refused }.map { buckets[$0.rawValue] }
        return PurchaseFigures(
            refused: Dictionary(uniqueKeysWithValues: refused),
            durations: durations.reduce([Int](repeating: 0, count: PurchaseFigures.bounds.count + 1)) {
                zip($0, $1).map { $0 + $1 }
            })
    }

    /// For one more thread.
    package func tally() -> UnitTally { UnitTally(self.tallies.tally()) }
}

/// One thread's counts of ``UnitMeters``.
package struct UnitTally: Sendable {
    private let tally: Tally
    fileprivate init(_ tally: Tally) { self.tally = tally }

    /// - Parameter microseconds: `nil` if the buyer has gone meanwhile. Such a purchase has no duration: as one of 0 it
    ///   would make a unit look fast whose buyers give up.
    package func observePurchase(_ answer: Answer, microseconds: Int64?) {
        if let microseconds {
            self.tally.observe(
                UnitMeters.numbers.purchases, UnitMeters.Outcome(answer).rawValue, microseconds: microseconds)
        }
        if case .refused(let refusal) = answer {
            self.tally.count(UnitMeters.numbers.refusals, RefusalCode(refusal).number)
        }
    }

    /// A request whose token makes no order.
    package func observeRefusal(_ error: TokenError) {
        self.tally.observe(UnitMeters.numbers.purchases, UnitMeters.Outcome.refused.rawValue, microseconds: 0)
        self.tally.count(UnitMeters.numbers.refusals, RefusalCode(error).number)
    }

    func observeRound(microseconds: Int64) { self.tally.observe(UnitMeters.numbers.rounds, microseconds: microseconds) }
    func observeCommit(microseconds: Int64) {
        self.tally.observe(UnitMeters.numbers.commits, microseconds: microseconds)
    }
    func observeStep(microseconds: Int64) { self.tally.observe(UnitMeters.numbers.steps, microseconds: microseconds) }
}
