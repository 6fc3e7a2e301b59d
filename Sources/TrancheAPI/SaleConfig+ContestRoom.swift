import TrancheCore

extension SaleConfig {
    /// Checks that the center can hold the contests of a sale. Registered units count; for one that comes later, and for
    /// items that come back, the leader keeps the limit.
    ///
    /// - Throws: ``Problem`` with code `invalid_config`, naming the number of requests and the limit.
    package func checkContests(of sale: Sale) throws(Problem) {
        let units = max(1, self.units.count)
        let requests = sale.lots.map { lot in
            let items = ContestRoom.items(of: lot.issued, start: lot.contestStart) ?? 0
            let waitlist = lot.contestStart == .never ? 0 : lot.contestTerms.waitlist
            return ContestRoom.requests(items: items, waitlist: waitlist, units: units)
        }
        // Each is below 2^53 for any valid lot, and there are few lots; an invalid one is refused elsewhere.
        let all = requests.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        guard all <= Limits.contestedRequests else {
            throw .invalidConfig(
                "sale \(sale.id): its contests can have \(all) requests (the contested items and places in waitlists, for "
                    + "each of \(units) units); at most \(Limits.contestedRequests) are allowed")
        }
    }
}
