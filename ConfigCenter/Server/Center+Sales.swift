import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// What the center does for sales: it asks the core's rules, and carries out what they allow.

extension Center {
    func sale(_ id: String) async throws(Problem) -> SaleDocument {
        let (config, version, rollout) = await self.book.state
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        let lots = config.plannedLots(of: sale)
        let readiness = try await self.keeper.perform { authority, _ in
            SaleReadiness(lots, rollout: rollout, authority, now: SystemClock.monotonic())
        }
        return SaleDocument(
            sale: sale, version: version, readiness: Readiness(readiness, UnitNames(config)),
            rollout: await self.book.rolloutDocument, steps: sale.state.steps.map(\.rawValue),
            schedule: self.scheduleDocument(of: sale))
    }

    /// Takes a step in a sale's life.
    func step(
        _ step: SaleState.Step, sale id: String, expected: Int, actor: String, act: OperatorAct?, _ options: OpenBody
    ) async throws(Problem) -> SaleDocument {
        let document = try await self.sale(id)
        let sale = document.sale
        if let act, try self.keeper.isDone(act) {
            // The first request may have ended before the stock was issued.
            if step == .warm, sale.state == .warming { try await self.warm(sale) }
            return document
        }
        guard let next = sale.state.after(step) else {
            let allowed = document.steps.isEmpty ? "none" : document.steps.joined(separator: ", ")
            throw .wrongState(sale, "; possible now: \(allowed)")
        }
        if step == .warm { try await self.checkCarried(sale) }
        switch step.condition {
        case .readiness:
            try await self.checkIssued(sale)
            guard options.force == true || document.readiness.isReady else {
                throw Problem(
                    status: 409, code: "not_ready",
                    detail: document.readiness.missing.prefix(10).joined(separator: "; "))
            }
        case .settlement: try await self.checkSettled(sale)
        case nil: break
        }
        if step == .open {
            let opensAt = options.startsAtMilliseconds.map { Instant(milliseconds: $0) }
            try sale.checkLines(opensAt: opensAt, now: SystemClock.now())
        }
        let secret = step == .settle ? try self.secret(of: sale) : nil
        let seed = step == .close ? try self.drawSeed(of: sale) : nil
        let results = step == .close ? self.rules.results(of: sale, await self.book.config) : nil
        try await self.change(
            .step(step), expected: expected, actor: actor, note: "\(step.rawValue) \(id)", act: act
        ) { (config) throws(Problem) in
            guard let place = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            config.take(
                step, to: next, at: place, startsAtMilliseconds: options.startsAtMilliseconds, secret: secret,
                seed: seed)
            if step == .close { config.sales[place].results = results }
        }
        if step == .warm { try await self.warm(sale) }
        return try await self.sale(id)
    }

    private func checkIssued(_ sale: SaleConfig.Sale) async throws(Problem) {
        let lots = sale.lots.map(\.id)
        let unissued = try await self.keeper.perform { authority, _ in SaleReadiness.unissued(lots, authority) }
        guard let unissued else { return }
        throw Problem(
            status: 409, code: "not_ready",
            detail: "the stock of lot \(unissued) is not in the log yet: it is added by itself, try again")
    }

    func checkSettled(_ sale: SaleConfig.Sale) async throws(Problem) {
        let (config, _, rollout) = await self.book.state
        let lots = sale.lots.map(\.id)
        try await self.keeper.perform { (authority, _) throws(Problem) in
            do throws(Settlement.Refusal) {
                try Settlement.check(lots, rollout: rollout, authority, now: SystemClock.monotonic())
            } catch { throw Problem(error, UnitNames(config)) }
        }
    }

    /// Issues the stock of a sale that warms up, once, and grants what was planned.
    private func warm(_ sale: SaleConfig.Sale) async throws(Problem) {
        let lots = await self.book.config.plannedLots(of: sale)
        try await self.keeper.perform { (authority, records) throws(Problem) in
            do throws(AuthorityError) { try authority.issue(lots, into: &records) } catch { throw Problem(error) }
        }
        await self.grantPlans()
    }

    /// Issues and grants what warming sales still lack. It can be repeated at any time.
    func grantPlans() async {
        let config = await self.book.config
        let lots = config.sales.filter { $0.state == .warming }.flatMap(config.plannedLots(of:))
        guard !lots.isEmpty else { return }
        let touched = try? await self.keeper.perform { authority, records in authority.warm(lots, into: &records) }
        await self.tell(touched ?? [])
    }
}
