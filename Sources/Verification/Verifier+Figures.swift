import Storage
import TrancheCore

// Figures of the verifier, by lot and by unit.

extension Verifier {
    func unaccounted(_ lots: [VerifyReport.Lot]) -> [String] {
        lots.compactMap { lot in
            let sum = lot.pool + lot.available + lot.promised + lot.stranded + lot.carried
            // Grants that a unit has not yet taken, and returns that the log does not have yet, are under way.
            return sum == lot.issued
                ? nil
                : "lot \(lot.lot): \(lot.issued - sum) of \(lot.issued) are neither sold nor sellable nor stranded"
        }
    }

    func figures(_ lots: [VerifyReport.Lot]) -> String {
        lots.map { lot in
            "lot \(lot.lot): \(lot.paid) paid + \(lot.held) held + \(lot.unsold) unsold + \(lot.stranded) stranded"
                + (lot.owed > 0 ? " + \(lot.owed) owed by lost ledgers" : "")
                + (lot.carried > 0 ? " + \(lot.carried) carried into another lot" : "")
        }
        .joined(separator: "; ")
    }

    func lot(_ id: LotID) -> VerifyReport.Lot {
        let state = self.authority.lots[id]!
        var (available, paid, held) = (0, 0, 0)
        for unit in self.units {
            for sold in unit.orders.values where sold.order.lot == id {
                if sold.state == .paid { paid += Int(sold.order.quantity) }
                if sold.state == .reserved { held += Int(sold.order.quantity) }
            }
            for (account, sums) in unit.sums where account.lot == id && account.generation == unit.generation {
                // By the authority's counters: a grant that is not yet taken belongs to the unit, too.
                let told = self.authority.account(id, unit.audit.unit, account.generation)
                if told.isStranded || told.isSettled { continue }
                available += told.granted + told.allocated - told.returned - sums.sold + sums.cancelled
            }
        }
        var (stranded, owed) = (0, 0)
        for (key, account) in state.accounts {
            let lost = self.lost[key.unit]?.promised(id, key.generation) ?? 0
            owed += lost
            guard account.isStranded else { continue }
            // Sales in the unit's ledgers are counted there; the rest waits for the operator.
            let sold = self.units.first { $0.audit.unit == key.unit }?.live(id, key.generation) ?? 0
            stranded += account.granted + account.allocated - account.returned - sold - lost
        }
        let allocated = state.accounts.values.filter { !$0.isStranded }.reduce(0) {
            $0 + min($1.allocated, $1.granted + $1.allocated - $1.returned)
        }
        return .init(
            lot: id.rawValue, issued: state.issued, pool: state.pool, available: available, paid: paid, held: held,
            stranded: stranded, allocated: allocated, owed: owed, carried: state.carried)
    }

    func unitLot(_ unit: UnitEvidence, _ lot: LotID) -> VerifyReport.UnitLot {
        let mine = unit.orders.values.filter { $0.order.lot == lot }
        func sum(_ state: OrderState) -> Int {
            mine.filter { $0.state == state }.reduce(0) { $0 + Int($1.order.quantity) }
        }
        // The count has orders of all generations of the ledger, so it has the grants of all generations, too.
        let sums = unit.sums.filter { $0.key.lot == lot }.values.reduce(into: UnitEvidence.Sums()) {
            $0.granted += $1.granted
            $0.allocated += $1.allocated
            $0.returned += $1.returned
        }
        return .init(
            unit: unit.audit.unit.rawValue, name: unit.name, lot: lot.rawValue, granted: sums.granted,
            allocated: sums.allocated, returned: sums.returned,
            paid: sum(.paid), held: sum(.reserved), expired: sum(.expired), cancelled: sum(.cancelled))
    }
}
