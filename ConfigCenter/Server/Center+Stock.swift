import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Stock that is added, and units that leave.

extension Center {
    /// Adds stock to a lot. The configuration is changed first: a unit refuses grants beyond its configuration.
    ///
    /// - Parameters:
    ///   - approved: The approval that carries it out, whose key counts then.
    ///   - check: Whether the operator may add so much. Requests at the same time could each be little enough, and
    ///     together too much, so it is asked again in the moment in which the items are issued.
    func addStock(
        _ add: Int, to lot: LotID, actor: String, key: String?, approved: ApprovedAct? = nil,
        check: @escaping RoleCheck
    ) async throws(Problem) {
        let what = "lot \(lot): +\(add)"
        let act =
            approved.map { $0.act("stock: \(what)") } ?? key.map { OperatorAct(key: $0, what: "stock: \(what)") }
        if let act, try self.keeper.isDone(act) { return }
        guard let sale = await self.book.config.sale(of: lot), let rules = sale.lots.first(where: { $0.id == lot })
        else { throw Problem(AuthorityError.unknownLot(lot)) }
        guard sale.state.allows(.moreStock) else { throw .wrongState(sale, ": nothing can be added to it") }
        // The first refusal comes before the configuration is changed.
        let issued = try await self.keeper.perform { (authority, _) throws(Problem) -> Int in
            try approved?.check(authority)
            return try authority.issued(lot, with: add, stock: rules.stock, check)
        }
        try await self.raise(lot, to: issued, actor: actor, note: what)
        let note = ActNote(
            actor: actor, action: "stock", sale: sale.id, detail: what, key: act?.key ?? "",
            subject: .lot(lot))
        let total = try await self.keeper.perform(act, note: note) { (authority, records) throws(Problem) -> Int in
            try approved?.check(authority)
            let total = try authority.issued(lot, with: add, stock: rules.stock, check)
            do throws(AuthorityError) { try authority.issue(lot, quantity: add, into: &records) } catch {
                throw Problem(error)
            }
            return total
        }
        // Another operator may have added stock in between.
        if let total { try await self.raise(lot, to: total, actor: actor, note: "lot \(lot): \(total) in all") }
    }

    /// What it is to add so much to a lot now, and what the lot has in all before.
    func addition(_ add: Int, to lot: LotID) async throws(Problem) -> (kind: ActKind, issued: Int) {
        guard let sale = await self.book.config.sale(of: lot), let rules = sale.lots.first(where: { $0.id == lot })
        else { throw Problem(AuthorityError.unknownLot(lot)) }
        guard sale.state.allows(.moreStock) else { throw .wrongState(sale, ": nothing can be added to it") }
        return try await self.keeper.perform { (authority, _) throws(Problem) in
            let total: Int
            do throws(AuthorityError) { total = try authority.issued(lot, with: add) } catch { throw Problem(error) }
            let issued = total - add
            return (ActKind(adding: add, added: issued - rules.stock, stock: rules.stock), issued)
        }
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

extension QuotaAuthority {
    /// What a lot will have in all, if so much may be added.
    ///
    /// - Parameter stock: What it had at the start of its sale.
    fileprivate func issued(_ lot: LotID, with add: Int, stock: Int, _ check: RoleCheck) throws(Problem) -> Int {
        let total: Int
        do throws(AuthorityError) { total = try self.issued(lot, with: add) } catch { throw Problem(error) }
        try check(ActKind(adding: add, added: total - add - stock, stock: stock))
        return total
    }
}
