import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Units that are added to a sale that runs.

extension Center {
    /// Adds a unit to a sale, if ``UnitAddition`` allows it. A repetition completes what an earlier call began.
    ///
    /// The configuration is changed first: a home needs the address of the unit, to refer buyers to it. What decides is
    /// the record in the log.
    func add(_ unit: UnitID, to id: String, actor: String, key: String?) async throws(Problem) {
        let detail = "unit \(unit) to sale \(id)"
        let act = key.map { OperatorAct(key: $0, what: "add: \(detail)") }
        if let act, try self.keeper.isDone(act) { return }
        let config = await self.book.config
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        guard let known = config.unit(unit) else { throw Problem(AuthorityError.unknownUnit(unit)) }
        let homes = try await self.keeper.perform { (authority, _) throws(Problem) -> [UnitID] in
            do throws(UnitAddition.Refusal) {
                return try UnitAddition.check(
                    UnitAddition.Unit(unit, region: known.region), state: sale.state, homes: sale.homes ?? [:],
                    added: config.additions(to: sale), authority, now: SystemClock.monotonic())
            } catch { throw Problem(error, name: known.name) }
        }
        if sale.branches?.contains(unit) != true {
            try await self.change(.unitAdded, actor: actor, note: "add unit \(known.name) to \(id)") {
                (config) throws(Problem) in
                guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
                // Another unit may have been added in between: this one comes behind it, and it refers, too.
                guard config.sales[index].branches == sale.branches else {
                    throw Problem(
                        status: 409, code: "wrong_state",
                        detail: "another unit was added to sale \(id) just now: repeat")
                }
                config.sales[index] = config.sales[index].adding(unit)
                try config.checkContests(of: config.sales[index])
            }
        }
        let lots = sale.lots.map(\.id)
        let touched = try await self.command(
            actor: actor, action: "add", detail: detail, key: key, about: .sale(id), tell: []
        ) {
            (authority, records) throws(AuthorityError) in
            try authority.branch(lots, from: homes, to: unit, into: &records)
        }
        await self.tell(touched ?? [])
    }
}
