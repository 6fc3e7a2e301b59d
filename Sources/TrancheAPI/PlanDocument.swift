package import TrancheCore

/// The file of `tranche plan`: a sale, as `tranche sale create --file` reads it, and who is expected.
package struct PlanDocument: Hashable, Sendable, Codable {
    package struct Crowd: Hashable, Sendable, Codable {
        package let buyers: Int
        /// From the opening on, one after the other.
        package let arrivals: [PlanQuestion.Span]
        /// Items of one order; 1 if not given.
        package let quantity: Int?
        /// The part of the buyers who want each lot, by its number; 1 for each if not given.
        package let lotShares: [String: Int]?
    }

    package let sale: SaleConfig.Sale
    package let crowd: Crowd
    package let regions: [PlanQuestion.Region]
    /// Requests for orders that one unit answers in a second, as rehearsed.
    package let unitCapacity: Int?

    /// - Throws: ``Problem`` with code `invalid_config` for the sale, or `invalid_plan` for the rest; it names the bad value.
    package func question() throws(Problem) -> PlanQuestion {
        try SaleConfig(sales: [self.sale]).validate()
        let shares = self.crowd.lotShares ?? [:]
        let known = Set(self.sale.lots.map(\.id.description))
        if let unknown = shares.keys.sorted().first(where: { !known.contains($0) }) {
            throw .invalidPlan(.unknownLot(unknown))
        }
        let question = PlanQuestion(
            buyers: self.crowd.buyers, quantity: self.crowd.quantity ?? 1, spans: self.crowd.arrivals,
            regions: self.regions,
            lots: self.sale.lots.map { lot in
                PlanQuestion.Lot(
                    id: lot.id, stock: lot.issued, buyerLimit: lot.perBuyerLimit, poolPermille: lot.poolPermille,
                    start: lot.contestStart, terms: lot.contestTerms, line: lot.line ?? .open, weights: lot.weights,
                    fixed: lot.fixed, share: shares.isEmpty ? 1 : shares[lot.id.description] ?? 0)
            },
            paymentWindowMilliseconds: self.sale.paymentWindowMilliseconds, capacity: self.unitCapacity)
        do throws(PlanError) { try question.check() } catch { throw .invalidPlan(error) }
        return question
    }
}

extension Problem {
    package static func invalidPlan(_ error: PlanError) -> Problem {
        Problem(status: 422, code: "invalid_plan", detail: error.description)
    }
}
