import TrancheAPI
package import TrancheCore

// Checks of contests.

extension Verifier {
    func checkContest(_ invariant: String, _ statement: String, extra: [String]) -> VerifyReport.Check {
        let contests = self.authority.contests.values.sorted { $0.lot < $1.lot }
        guard !contests.isEmpty else {
            return Self.notApplicable(invariant, statement, "no contest in this sale")
        }
        let figures = contests.map { contest in
            let won = contest.passed.count { $0.allocatedAt != nil }
            let late = contest.passed.count { $0.entrant.isLate }
            return
                "lot \(contest.lot): \(contest.passed.count) contested in \(contest.batches) batches, \(won) won, \(late) late"
        }
        return self.units(
            invariant, statement, figures: figures.joined(separator: "; "),
            extra: contests.flatMap { $0.findings[invariant] ?? [] } + extra)
    }

    /// The secret of a settled sale is public, so every tie key can be checked.
    func ties() -> [String] {
        self.authority.contests.values.sorted { $0.lot < $1.lot }.flatMap { contest -> [String] in
            guard let sale = self.config.sale(of: contest.lot), let secret = sale.tieKey else { return [] }
            guard TieKey.hash(of: secret) == sale.tieKeyHash else {
                return ["sale \(sale.id): the secret is not the one whose hash was published"]
            }
            return contest.falseTies(secret).prefix(5).map { "order \($0) has a tie key that is not its own" }
        }
    }

    package var unitNames: [String] { self.units.map(\.name) }

    /// The fairness of the contest of a lot, or `nil` if there was none.
    ///
    /// - Parameter offsets: Errors of units' clocks, in microseconds, where they are known: for rehearsals.
    package func fairness(_ lot: LotID, offsets: [String: Int64] = [:]) -> FairnessReport? {
        let window = self.config.sale(of: lot)?.paymentWindowMilliseconds ?? 0
        return self.authority.contests[lot].map {
            FairnessReport($0, self.units, offsets: offsets, windowMilliseconds: window)
        }
    }

    /// The epoch of the last coordinator that led.
    package var coordinatorEpoch: UInt64 { self.authority.coordinator }

    package var contestedLots: [LotID] { self.authority.contests.keys.sorted() }
}
