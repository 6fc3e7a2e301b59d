import TrancheCore

extension Problem {
    package static func invalidConfig(_ detail: String) -> Problem {
        Problem(status: 422, code: "invalid_config", detail: detail)
    }
}

extension SaleConfig {
    /// - Throws: ``Problem`` with code `invalid_config`, naming the bad value and the limit.
    package func validate() throws(Problem) {
        guard self.units.count <= Limits.units else {
            throw .invalidConfig("\(self.units.count) units, at most \(Limits.units)")
        }
        guard Set(self.units.map(\.id)).count == self.units.count, Set(self.units.map(\.name)).count == self.units.count
        else {
            throw .invalidConfig("two units share an id or a name")
        }
        for unit in self.units {
            for url in [unit.publicURL, unit.internalURL] {
                guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.count <= Limits.urlBytes,
                    Problem.isAddress(url)
                else {
                    throw .invalidConfig("unit \(unit.name): \(url.debugDescription) is not an http address")
                }
            }
        }
        guard Set(self.sales.map(\.id)).count == self.sales.count else { throw .invalidConfig("two sales share an id") }
        let lots = self.sales.filter { $0.state != .settled }.flatMap(\.lots)
        guard lots.count <= Limits.lots else { throw .invalidConfig("\(lots.count) lots, at most \(Limits.lots)") }
        var owners: [LotID: String] = [:]
        for (sale, lot) in self.sales.flatMap({ sale in sale.lots.map { (sale.id, $0.id) } }) {
            if let owner = owners.updateValue(sale, forKey: lot) {
                throw .invalidConfig(
                    "two lots share an id: lot \(lot) of sale \(owner) and of sale \(sale); choose another one")
            }
        }
        for sale in self.sales { try self.validate(sale) }
    }

    package static func checkSaleID(_ id: String) throws(Problem) {
        let idBytes = 1...64
        guard idBytes.contains(id.utf8.count), id.allSatisfy({ $0.isLetter || $0.isNumber || "-_.".contains($0) })
        else { throw .invalidConfig("sale id \"\(id.prefix(64))\" is not 1 to 64 letters, digits, dots and dashes") }
    }

    private func validate(_ sale: Sale) throws(Problem) {
        try Self.checkSaleID(sale.id)
        guard sale.startsAtMilliseconds < sale.endsAtMilliseconds else {
            throw .invalidConfig(
                "sale \(sale.id): ends at \(sale.endsAtMilliseconds), before it starts at \(sale.startsAtMilliseconds)")
        }
        // Up to the year 2100: a time given in nanoseconds by mistake is later, and is refused.
        let dates: ClosedRange<Int64> = 0...4_102_444_800_000
        for at in [sale.startsAtMilliseconds, sale.endsAtMilliseconds] where !dates.contains(at) {
            throw .invalidConfig("sale \(sale.id): the time \(at) ms is not in \(dates)")
        }
        let window: ClosedRange<Int64> = 100...86_400_000
        guard window.contains(sale.paymentWindowMilliseconds) else {
            throw .invalidConfig(
                "sale \(sale.id): payment window \(sale.paymentWindowMilliseconds) ms is not in \(window)")
        }
        for lot in sale.lots {
            guard let claim = lot.claimWindowMilliseconds, !window.contains(claim) else { continue }
            throw .invalidConfig("lot \(lot.id): claim window \(claim) ms is not in \(window)")
        }
        guard !sale.lots.isEmpty else { throw .invalidConfig("sale \(sale.id) has no lot") }
        guard (sale.blocked ?? []).count <= Limits.blockedBuyers else {
            throw .invalidConfig(
                "sale \(sale.id): \(sale.blocked?.count ?? 0) blocked buyers, at most \(Limits.blockedBuyers)")
        }
        let branches = sale.branches ?? []
        guard branches.count <= Limits.branches, Set(self.sellers(in: sale)).count == self.sellers(in: sale).count
        else {
            throw .invalidConfig(
                "sale \(sale.id): \(branches.count) units were added, of at most \(Limits.branches), or one is there twice"
            )
        }
        let epoch = sale.revocationEpoch ?? .first
        guard epoch.rawValue <= Limits.revocations else {
            throw .invalidConfig("sale \(sale.id): revocation epoch \(epoch) is not in 0...\(Limits.revocations)")
        }
        for lot in sale.lots { try self.validate(lot, of: sale) }
        try sale.validateGate()
        try sale.validateSchedule()
        // As with the weights of lots: a draft may name units that are not registered yet.
        try sale.validateDifferentRules(self, namesMayBeUnknown: sale.state == .draft || sale.state == .settled)
    }

    private func validate(_ lot: Lot, of sale: Sale) throws(Problem) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(Problem) {
            guard range.contains(value) else {
                throw .invalidConfig("lot \(lot.id): \(name) \(value) is not in \(range)")
            }
        }
        try check("stock", lot.stock, 1...Limits.stockPerLot)
        try check("added stock", lot.added ?? 0, 0...Limits.stockPerLot)
        try check("stock and added stock", lot.issued, 1...Limits.stockPerLot)
        try check("perBuyerLimit", lot.perBuyerLimit, 1...Limits.quantityPerOrder)
        try check("poolPermille", lot.poolPermille, 0...1_000)
        try lot.contest?.validate(lot.id)
        try lot.price?.validate(lot.id)
        guard lot.weights == nil || lot.fixed == nil else {
            throw .invalidConfig("lot \(lot.id): weights and fixed numbers cannot be mixed")
        }
        for (name, value) in (lot.weights ?? lot.fixed ?? [:]).sorted(by: { $0.key < $1.key }) {
            try check("quota of \(name)", value, 0...Limits.stockPerLot)
            // A draft may name units that are not registered yet, and a settled sale may name removed units.
            guard sale.state == .draft || sale.state == .settled || self.unit(named: name) != nil else {
                throw .invalidConfig("lot \(lot.id): there is no unit \"\(name)\"")
            }
        }
        let fixed = (lot.fixed ?? [:]).values.reduce(0, +)
        guard fixed <= lot.stock else {
            throw .invalidConfig("lot \(lot.id): the fixed quotas add up to \(fixed), but the stock is \(lot.stock)")
        }
    }
}
