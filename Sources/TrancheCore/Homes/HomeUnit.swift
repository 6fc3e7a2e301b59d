/// The one unit where a buyer may buy in a sale.
///
/// Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 1998):
/// every process computes the same home from the buyer and the list of units, and a change of the list moves only the
/// buyers of added and removed units. The list is frozen when the sale opens; a unit that is added later is a ``Branch``.
package enum HomeUnit {
    /// - Returns: `nil` only if `units` is empty.
    package static func of(_ buyer: BuyerID, among units: [UnitID]) -> UnitID? {
        units.max { left, right in
            (self.weight(buyer, left), left) < (self.weight(buyer, right), right)
        }
    }

    /// The units of each region, in order: a sale keeps them from its first opening on.
    package static func homes(_ units: some Sequence<(region: String, unit: UnitID)>) -> [String: [UnitID]] {
        Dictionary(grouping: units, by: \.region).mapValues { $0.map(\.unit).sorted() }
    }

    /// The branch to which a buyer without an order goes; `nil` if the buyer stays.
    ///
    /// The first branch that the buyer prefers to the home, in the order in which they were added: whoever was referred to
    /// an earlier one stays with it, whatever comes later.
    ///
    /// - Parameter branches: Of one home.
    package static func branch(of buyer: BuyerID, among branches: [Branch]) -> Branch? {
        guard let first = branches.first else { return nil }
        let home = self.weight(buyer, first.home)
        return branches.first { (home, $0.home) < (self.weight(buyer, $0.unit), $0.unit) }
    }

    /// FNV-1a over the buyer.
    static func hash(of buyer: BuyerID) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in buyer.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// The buyer's hash, mixed with the unit (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
    private static func weight(_ buyer: BuyerID, _ unit: UnitID) -> UInt64 {
        var hash = self.hash(of: buyer)
        hash = hash &+ UInt64(unit.rawValue) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}
