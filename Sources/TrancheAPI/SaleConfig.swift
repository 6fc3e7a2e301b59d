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
        /// The lot of a settled sale from which the stock comes: this lot is a part of its second round.
        package var carriedFrom: LotID?
        package var perBuyerLimit: Int
        /// Of one item; payments have no amounts if not given. Each order keeps the price of its admission.
        package var price: LotPrice?
        /// How long items that came back are held for an order that waited; ``SaleConfig/claimWindowMilliseconds(of:in:)`` if not
        /// given.
        package var claimWindowMilliseconds: Int64?
        /// The share of the stock that stays in the pool when the sale warms up, in permille.
        package let poolPermille: Int
        /// The weight of each unit, by name; a unit without a weight gets no quota.
        package let weights: [String: Int]?
        /// Fixed quotas instead of weights, by unit name.
        package let fixed: [String: Int]?
        /// How the lot is contested; the defaults of ``Contest`` if not given.
        package let contest: Contest?
        /// How buyers come to a token at the gates; nobody waits if not given.
        package var line: LinePolicy?
        package var issued: Int { self.stock + (self.added ?? 0) }
        package init(
            id: LotID, name: String, stock: Int, perBuyerLimit: Int, poolPermille: Int, weights: [String: Int]? = nil,
            fixed: [String: Int]? = nil, contest: Contest? = nil, line: LinePolicy? = nil,
            price: LotPrice? = nil
        ) {
            self.price = price
            self.contest = contest
            self.line = line
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
        /// Units that were added since, in order: the homes of their regions refer new buyers to them.
        package var branches: [UnitID]?
        /// The first grants, by lot and unit, fixed when the sale warms up. A unit that registers later gets quota by
        /// rebalancing, so it does not change the grants of the others.
        package var planned: [String: [String: Int]]?
        /// What gates ask of buyers; the defaults of ``GateTerms`` if not given.
        package var gate: GateRules?
        /// Buyers who may not buy, also with a token in hand. What they ordered before stays theirs.
        package var blocked: [BuyerID]?
        /// How often the sale's tokens were revoked: older tokens make no order. It never falls.
        package var revocationEpoch: RevocationEpoch?
        /// SHA-256 of the seed of the draws, in hexadecimal digits, published when the sale is created.
        package var drawHash: String?
        /// The seed itself, published when the sale is closed: ``DrawSeed``. Gates publish it from the opening on.
        package var drawSeed: String?
        /// When the center takes the steps of the sale by itself; operators take them if not given.
        package var schedule: Schedule?
        /// Rules of units and regions that differ from the sale's on purpose.
        package var variants: [Variant]?
        /// New rules on their way to all units.
        package var staged: Staged?
        /// `true` from the moment when a lot is contested: there is one order over all units, so every unit has the sale's
        /// own rules.
        package var rulesAlike: Bool?
        /// What was counted while the sale was open, written when it is closed.
        package var results: Results?
        package init(
            id: String, name: String, state: SaleState = .draft, startsAtMilliseconds: Int64, endsAtMilliseconds: Int64,
            paymentWindowMilliseconds: Int64, lots: [Lot], gate: GateRules? = nil, schedule: Schedule? = nil,
            variants: [Variant]? = nil
        ) {
            self.variants = variants
            self.gate = gate
            self.schedule = schedule
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
                    paymentWindowMilliseconds: sale.paymentWindowMilliseconds,
                    claimWindowMilliseconds: Self.claimWindowMilliseconds(of: lot, in: sale), issued: lot.issued,
                    isSettled: sale.state == .settled, price: lot.price?.money ?? .none)
            }
        }
    }

    /// How long a buyer who waited has to pay: two minutes, or the payment window if that is shorter, unless the lot says otherwise.
    package static func claimWindowMilliseconds(of lot: Lot, in sale: Sale) -> Int64 {
        lot.claimWindowMilliseconds ?? min(Limits.claimWindowMilliseconds, sale.paymentWindowMilliseconds)
    }

    /// By lot: which tokens its sale accepts. Lots with ordinary terms are not there.
    package var tokenTerms: [LotID: TokenTerms] {
        var all: [LotID: TokenTerms] = [:]
        for sale in self.sales {
            let terms = TokenTerms(blocked: Set(sale.blocked ?? []), epoch: sale.revocationEpoch ?? .first)
            guard terms != .ordinary else { continue }
            for lot in sale.lots { all[lot.id] = terms }
        }
        return all
    }

    /// Lots of sales that got more units since their opening.
    package var branchedLots: Set<LotID> {
        Set(self.sales.filter { $0.branches?.isEmpty == false }.flatMap { $0.lots.map(\.id) })
    }

    /// Lots of sales whose streams of events an operator has switched off.
    package var lotsWithoutEvents: Set<LotID> {
        Set(self.sales.filter { $0.gate?.switches?.hasEvents == false }.flatMap { $0.lots.map(\.id) })
    }

    /// All units at which buyers of a sale may have orders.
    package func sellers(in sale: Sale) -> [UnitID] {
        (sale.homes?.values.flatMap { $0 } ?? []) + (sale.branches ?? [])
    }

    /// The units that were added to a sale, as the rule for additions reads them.
    package func additions(to sale: Sale) -> [UnitAddition.Unit] {
        (sale.branches ?? []).map { UnitAddition.Unit($0, region: self.unit($0)?.region ?? "") }
    }

    /// The sale of a lot.
    package func sale(of lot: LotID) -> Sale? { self.sales.first { $0.lots.contains { $0.id == lot } } }

    package func unit(named name: String) -> Unit? { self.units.first { $0.name == name } }
    package func unit(_ id: UnitID) -> Unit? { self.units.first { $0.id == id } }
}
