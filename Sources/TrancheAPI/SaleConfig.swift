package import TrancheCore

/// The whole configuration of units, in one document. Each version is pushed as a whole and never changes.
package struct SaleConfig: Hashable, Sendable, Codable {
    package struct Unit: Hashable, Sendable, Codable {
        package let id: UnitID
        package let name: String
        package let region: String
        /// Where buyers reach the unit.
        package let publicURL: String
        /// Where the center reaches the unit.
        package let internalURL: String
        package init(id: UnitID, name: String, region: String, publicURL: String, internalURL: String) {
            self.id = id
            self.name = name
            self.region = region
            self.publicURL = publicURL
            self.internalURL = internalURL
        }
    }
    package struct Lot: Hashable, Sendable, Codable {
        package let id: LotID
        package let name: String
        /// Items at the start of the sale.
        package let stock: Int
        /// Items added since the start: a unit refuses grants beyond `stock` and this together.
        package var added: Int?
        package var perBuyerLimit: Int
        /// The share of the stock that stays in the pool when the sale warms up, in permille.
        package let poolPermille: Int
        /// The weight of each unit, by name; a unit without a weight gets no quota.
        package let weights: [String: Int]?
        /// Fixed quotas instead of weights, by unit name.
        package let fixed: [String: Int]?
        /// How the lot is contested; the defaults of ``Contest`` if not given.
        package let contest: Contest?
        package var issued: Int { self.stock + (self.added ?? 0) }
        package init(
            id: LotID, name: String, stock: Int, perBuyerLimit: Int, poolPermille: Int, weights: [String: Int]? = nil,
            fixed: [String: Int]? = nil, contest: Contest? = nil
        ) {
            self.contest = contest
            self.id = id
            self.name = name
            self.stock = stock
            self.perBuyerLimit = perBuyerLimit
            self.poolPermille = poolPermille
            self.weights = weights
            self.fixed = fixed
        }
    }
    package struct Sale: Hashable, Sendable, Codable {
        package let id: String
        package var name: String
        package var state: SaleState
        package var startsAtMilliseconds: Int64
        package var endsAtMilliseconds: Int64
        package var paymentWindowMilliseconds: Int64
        package var lots: [Lot]
        /// SHA-256 of the sale's secret, in hexadecimal digits. It is published when the sale is created, so that the
        /// secret cannot be chosen later.
        package var tieKeyHash: String?
        /// The secret itself, as it was hashed: published when the sale is settled. Ties are in order of
        /// HMAC-SHA256(secret, order id), the first 8 bytes as a number.
        package var tieKey: String?
        /// The units among which buyers are spread whose token names no home, by region: fixed when the sale opens.
        package var homes: [String: [UnitID]]?
        /// The first grants, by lot and unit, fixed when the sale warms up. A unit that registers later gets quota by
        /// rebalancing, so it does not change the grants of the others.
        package var planned: [String: [String: Int]]?
        package init(
            id: String, name: String, state: SaleState = .draft, startsAtMilliseconds: Int64, endsAtMilliseconds: Int64,
            paymentWindowMilliseconds: Int64, lots: [Lot]
        ) {
            self.id = id
            self.name = name
            self.state = state
            self.startsAtMilliseconds = startsAtMilliseconds
            self.endsAtMilliseconds = endsAtMilliseconds
            self.paymentWindowMilliseconds = paymentWindowMilliseconds
            self.lots = lots
        }
    }
    package var units: [Unit]
    package var sales: [Sale]
    package init(units: [Unit] = [], sales: [Sale] = []) { (self.units, self.sales) = (units, sales) }

    /// The rules that a unit's state machines need.
    package var rules: [LotRules] {
        self.sales.flatMap { sale -> [LotRules] in
            guard let phase = sale.state.phase else { return [] }
            return sale.lots.map { lot in
                LotRules(
                    lot: lot.id, phase: phase, opensAt: Instant(milliseconds: sale.startsAtMilliseconds),
                    closesAt: Instant(milliseconds: sale.endsAtMilliseconds), buyerLimit: lot.perBuyerLimit,
                    paymentWindowMilliseconds: sale.paymentWindowMilliseconds, issued: lot.issued,
                    isSettled: sale.state == .settled)
            }
        }
    }

    /// The sale of a lot.
    package func sale(of lot: LotID) -> Sale? { self.sales.first { $0.lots.contains { $0.id == lot } } }

    package func unit(named name: String) -> Unit? { self.units.first { $0.name == name } }
    package func unit(_ id: UnitID) -> Unit? { self.units.first { $0.id == id } }
}

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

    private func validate(_ sale: Sale) throws(Problem) {
        let idBytes = 1...64
        guard idBytes.contains(sale.id.utf8.count),
            sale.id.allSatisfy({ $0.isLetter || $0.isNumber || "-_.".contains($0) })
        else {
            throw .invalidConfig("sale id \"\(sale.id)\" is not 1 to 64 letters, digits, dots and dashes")
        }
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
        guard !sale.lots.isEmpty else { throw .invalidConfig("sale \(sale.id) has no lot") }
        for lot in sale.lots { try self.validate(lot, of: sale) }
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
