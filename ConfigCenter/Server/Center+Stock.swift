import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Stock that is added, and units that leave.

extension Center {
    /// Adds stock to a lot. The configuration says so first: a unit refuses grants beyond what it says.
    func addStock(_ add: Int, to lot: LotID, actor: String, key: String?) async throws(Problem) {
        let act = key.map { OperatorAct(key: $0, what: "stock: lot \(lot): +\(add)") }
        if let act, try self.keeper.isDone(act) { return }
        guard let sale = await self.book.config.sale(of: lot) else { throw Problem(AuthorityError.unknownLot(lot)) }
        guard sale.state != .closed, sale.state != .settled else {
            throw Problem(
                status: 409, code: "wrong_state",
                detail: "sale \(sale.id) is \(sale.state.rawValue): nothing can be added to it")
        }
        let issued = try await self.keeper.perform { (authority, _) throws(Problem) -> Int in
            guard let state = authority.book.lots[lot] else { throw Problem(AuthorityError.unknownLot(lot)) }
            guard add > 0, add <= Limits.stockPerLot - state.issued else {
                throw Problem(AuthorityError.invalidQuantity(add, limit: Limits.stockPerLot - state.issued))
            }
            return state.issued
        }
        try await self.raise(lot, to: issued + add, actor: actor, note: "lot \(lot): +\(add)")
        let total = try await self.command(
            actor: actor, action: "stock", detail: "lot \(lot): +\(add)", key: key, tell: []
        ) { (authority, records) throws(AuthorityError) in
            try authority.issue(lot, quantity: add, into: &records)
            return authority.book.lots[lot]?.issued ?? 0
        }
        // Somebody else may have added something in between.
        if let total { try await self.raise(lot, to: total, actor: actor, note: "lot \(lot): \(total) in all") }
    }

    private func raise(_ lot: LotID, to issued: Int, actor: String, note: String) async throws(Problem) {
        try await self.change(expected: nil, actor: actor, note: note, isUrgent: true) { config in
            for sale in config.sales.indices {
                for place in config.sales[sale].lots.indices where config.sales[sale].lots[place].id == lot {
                    let known = config.sales[sale].lots[place]
                    config.sales[sale].lots[place].added = max(known.added ?? 0, issued - known.stock)
                }
            }
        }
    }

    /// Takes a unit out of the configuration. It must be silent, hold nothing, and be nobody's home.
    func remove(_ unit: UnitID, actor: String, key: String?) async throws(Problem) {
        let act = key.map { OperatorAct(key: $0, what: "remove: unit \(unit)") }
        if let act, try self.keeper.isDone(act) { return }
        let config = await self.book.config
        guard let known = config.unit(unit) else { throw Problem(AuthorityError.unknownUnit(unit)) }
        @Sendable func refuse(_ why: String) -> Problem {
            Problem(status: 409, code: "unit_in_use", detail: "\(known.name) \(why)")
        }
        for sale in config.sales where sale.state != .settled {
            if sale.homes?.values.contains(where: { $0.contains(unit) }) == true {
                throw refuse(
                    "is the home of buyers of sale \(sale.id), which is \(sale.state.rawValue): settle the sale first")
            }
        }
        try await self.keeper.perform { (authority, _) throws(Problem) in
            if let seen = authority.seen[unit],
                SystemClock.monotonic().milliseconds(since: seen.at) <= QuotaAuthority.silenceMilliseconds
            {
                throw refuse("still reports: stop it first")
            }
            for sale in config.sales where sale.state != .settled {
                for lot in sale.lots {
                    let held = (authority.book.lots[lot.id]?.accounts ?? []).filter { $0.unit == unit }.reduce(0) {
                        $0 + $1.outstanding
                    }
                    if held > 0 { throw refuse("holds \(held) of lot \(lot.id): drain it, or settle what it holds") }
                }
            }
        }
        try await self.change(
            expected: nil, actor: actor, note: "remove unit \(known.name)", act: act, isUrgent: true
        ) { config in config.units.removeAll { $0.id == unit } }
    }
}
