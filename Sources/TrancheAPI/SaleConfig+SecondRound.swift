package import TrancheCore

// A sale whose stock is what another one left unsold.

extension SaleConfig.Sale {
    package var isSecondRound: Bool { self.lots.contains { $0.carriedFrom != nil } }

    /// The lots that get items of a settled sale's lots, in its order; none, if this is not its second round.
    package func pairs(from sale: Self) -> [SecondRound.Pair] {
        sale.lots.compactMap { lot in
            self.lots.first { $0.carriedFrom == lot.id }.map { SecondRound.Pair(from: lot.id, to: $0.id) }
        }
    }

    /// The log has the items of a carried lot, whatever an operator makes of the draft: the lot stays, with its stock.
    func checkCarriedLots(of edited: Self) throws(Problem) {
        for lot in self.lots {
            guard let from = lot.carriedFrom else { continue }
            guard edited.lots.contains(where: { $0.id == lot.id && $0.stock == lot.stock }) else {
                throw .invalidConfig(
                    "sale \(self.id): lot \(lot.id) has \(lot.stock) items that were carried from lot \(from): it must "
                        + "stay, with this stock")
            }
        }
    }

    /// - Parameter hasItems: Whether the log has a lot of this sale.
    /// - Throws: ``Problem`` `wrong_state` if something of the sale may be in the log.
    package func checkDeletion(hasItems: Bool) throws(Problem) {
        guard self.state.allows(.deletion) else { throw .wrongState(self, ": only a draft can be deleted") }
        guard !hasItems else {
            throw .wrongState(self, " with items that were carried from another sale: they would be in no sale")
        }
    }
}

extension SaleConfig {
    /// The second round of a settled sale, if it was begun under this id.
    ///
    /// - Throws: ``Problem`` `sale_exists` if another sale has the id.
    package func secondRound(_ id: String, of sale: Sale) throws(Problem) -> Sale? {
        guard let known = self.sales.first(where: { $0.id == id }) else { return nil }
        guard known.pairs(from: sale).isEmpty else { return known }
        let items = known.lots.reduce(0) { $0 + $1.issued }
        throw Problem(
            status: 409, code: "sale_exists",
            detail: "there is a sale \"\(id)\" already, with \(items) items that do not come from sale \(sale.id): "
                + "choose another id")
    }

    /// Records how much of a carried lot there will be, if that is more than is known.
    package mutating func raiseCarried(_ lot: LotID, to issued: Int) {
        let known = self.sales.flatMap(\.lots).first { $0.id == lot }
        if let known, known.issued < issued { self.raise(lot, to: issued) }
    }

    /// A draft that is the second round of a settled sale. It has the rules of that sale, and a lot for each lot with
    /// something left, under the next free number. Fixed quotas become weights: they would be more than the stock.
    ///
    /// - Parameters:
    ///   - left: What is left of each lot.
    ///   - endsAtMilliseconds: `nil`: it takes as long as the first round.
    package func secondRound(
        of sale: Sale, id: String, left: [LotID: Int], startsAtMilliseconds: Int64, endsAtMilliseconds: Int64?
    ) throws(Problem) -> Sale {
        let duration = sale.endsAtMilliseconds - sale.startsAtMilliseconds
        let (end, isTooLate) = startsAtMilliseconds.addingReportingOverflow(duration)
        guard !isTooLate || endsAtMilliseconds != nil else {
            throw .invalidConfig("sale \(id): the time \(startsAtMilliseconds) ms is too late")
        }
        var taken = Set(self.sales.flatMap { $0.lots.map(\.id) })
        var next = sale.lots.map(\.id.rawValue).max() ?? 0
        var lots: [Lot] = []
        for lot in sale.lots {
            guard let stock = left[lot.id], stock > 0 else { continue }
            repeat {
                guard next < .max else { throw .invalidConfig("sale \(id): no lot number up to \(UInt32.max) is free") }
                next += 1
            } while !taken.insert(LotID(next)).inserted
            var made = Lot(
                id: LotID(next), name: lot.name, stock: stock, perBuyerLimit: lot.perBuyerLimit,
                poolPermille: lot.poolPermille, weights: lot.weights ?? lot.fixed, contest: lot.contest, line: lot.line,
                price: lot.price)
            made.carriedFrom = lot.id
            made.claimWindowMilliseconds = lot.claimWindowMilliseconds
            lots.append(made)
        }
        return Sale(
            id: id, name: id, startsAtMilliseconds: startsAtMilliseconds, endsAtMilliseconds: endsAtMilliseconds ?? end,
            paymentWindowMilliseconds: sale.paymentWindowMilliseconds, lots: lots, gate: sale.gate)
    }
}
