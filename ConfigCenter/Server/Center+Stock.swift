import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Stock that is added, and units that leave.

extension Center {
    /// Adds stock to a lot. The configuration is changed first: a unit refuses grants beyond its configuration.
    ///
    /// - Parameter check: Whether the operator may add so much.
    func addStock(
        _ add: Int, to lot: LotID, actor: String, key: String?, check: (ActKind) async throws(Problem) -> Void
    ) async throws(Problem) {
        let act = key.map { OperatorAct(key: $0, what: "stock: lot \(lot): +\(add)") }
        if let act, try self.keeper.isDone(act) { return }
        guard let sale = await self.book.config.sale(of: lot) else { throw Problem(AuthorityError.unknownLot(lot)) }
        if let rules = sale.lots.first(where: { $0.id == lot }) {
            try await check(ActKind(adding: add, added: rules.added ?? 0, stock: rules.stock))
        }
        guard sale.state.allows(.moreStock) else { throw .wrongState(sale, ": nothing can be added to it") }
        let issued = try await self.keeper.perform { (authority, _) throws(Problem) -> Int in
            do throws(AuthorityError) { return try authority.issued(lot, with: add) } catch { throw Problem(error) }
        }
        try await self.raise(lot, to: issued, actor: actor, note: "lot \(lot): +\(add)")
        let total = try await self.command(
            actor: actor, action: "stock", detail: "lot \(lot): +\(add)", key: key, about: .lot(lot), tell: []
        ) { (authority, records) throws(AuthorityError) in
            try authority.issue(lot, quantity: add, into: &records)
            return authority.book.lots[lot]?.issued ?? 0
        }
        // Another operator may have added stock in between.
        if let total { try await self.raise(lot, to: total, actor: actor, note: "lot \(lot): \(total) in all") }
    }

    private func raise(_ lot: LotID, to issued: Int, actor: String, note: String) async throws(Problem) {
        try await self.change(.moreStock, actor: actor, note: note) { $0.raise(lot, to: issued) }
    }

    /// Removes a unit from the configuration, if ``UnitRemoval`` allows it.
    func remove(_ unit: UnitID, actor: String, key: String?) async throws(Problem) {
        let act = key.map { OperatorAct(key: $0, what: "remove: unit \(unit)") }
        if let act, try self.keeper.isDone(act) { return }
        let config = await self.book.config
        guard let known = config.unit(unit) else { throw Problem(AuthorityError.unknownUnit(unit)) }
        try await self.keeper.perform { (authority, _) throws(Problem) in
            do throws(UnitRemoval.Refusal) {
                try UnitRemoval.check(
                    unit, sales: config.removalSales, authority, now: SystemClock.monotonic())
            } catch { throw Problem(error, name: known.name) }
        }
        try await self.change(.unitRemoved, actor: actor, note: "remove unit \(known.name)", act: act) { config in
            config.units.removeAll { $0.id == unit }
        }
    }
}
