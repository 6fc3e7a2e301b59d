import TrancheCore

// Units that were added to an open sale: from that entry on, a home admits no new buyer who prefers the branch.

extension UnitEvidence {
    mutating func takeBranch(_ lot: LotID, _ branch: Branch) {
        if branch.home == branch.unit || self.branches[lot]?.contains(where: { $0.unit == branch.unit }) == true {
            self.addFinding("I12", "lot \(lot): unit \(branch.unit) became a branch twice, or of itself")
        }
        if self.known[lot] == nil {
            let orders = self.orders.values.lazy.map(\.order).filter { $0.lot == lot }
            let contested = self.contested.values.lazy.map(\.order).filter { $0.lot == lot }
            self.known[lot] = Set(orders.map(\.buyer)).union(contested.map(\.buyer))
        }
        self.branches[lot, default: []].append(branch)
    }

    /// Whether the buyer of a new order may buy here. An order that an earlier process stamped was decided before: this one
    /// has taken it over from Redis. Its buyer has an order here from then on, as any other.
    mutating func checkHome(_ order: Order) {
        guard let branches = self.branches[order.lot],
            self.known[order.lot]?.insert(order.buyer).inserted == true,
            order.stamp >= self.ceilingAtOpening
        else { return }
        let home = Self.weight(order.buyer, branches[0].home)
        for branch in branches where (home, branch.home) < (Self.weight(order.buyer, branch.unit), branch.unit) {
            return self.addFinding(
                "I12", "order \(order.id): its buyer was new, and belongs to unit \(branch.unit) since the sale has it")
        }
    }

    /// The weight of a unit for a buyer: FNV-1a of the name, and the finaliser of SplitMix64.
    private static func weight(_ buyer: BuyerID, _ unit: UnitID) -> UInt64 {
        let name = buyer.rawValue.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let seed = name &+ UInt64(unit.rawValue) &* 0x9E37_79B9_7F4A_7C15
        let once = (seed ^ seed >> 30) &* 0xBF58_476D_1CE4_E5B9
        let twice = (once ^ once >> 27) &* 0x94D0_49BB_1331_11EB
        return twice ^ twice >> 31
    }
}
