import Storage
package import TrancheCore

// Checks of units that were added to open sales.

extension Verifier {
    /// Buyers with orders of a lot in the ledgers of several units, ended orders included: none may have two homes.
    package func buyersOfSeveralUnits(_ lot: LotID) -> [BuyerID] {
        var (seen, several): (Set<BuyerID>, Set<BuyerID>) = ([], [])
        for unit in self.units {
            let buyers = Set(unit.orders.values.lazy.map(\.order).filter { $0.lot == lot }.map(\.buyer))
            several.formUnion(buyers.intersection(seen))
            seen.formUnion(buyers)
        }
        return several.sorted { $0.rawValue < $1.rawValue }
    }

    /// A home hears of its branches from the log alone, and in its order, which decides about buyers who prefer several (I12).
    func foreignBranches() -> [String] {
        self.units.flatMap { unit -> [String] in
            let (name, home) = (unit.name, unit.audit.unit)
            return unit.branches.sorted { $0.key < $1.key }.compactMap { lot, branches -> String? in
                let told = self.authority.branches[lot]?[home] ?? []
                if let foreign = branches.first(where: { $0.home != home || !told.contains($0.unit) }) {
                    return "\(name): lot \(lot) has branch \(foreign.unit) of unit \(foreign.home), not from the log"
                }
                let own = branches.map(\.unit)
                guard own != told.filter({ own.contains($0) }) else { return nil }
                return "\(name): the branches of lot \(lot) are not in the order of the log"
            }
        }
    }
}
