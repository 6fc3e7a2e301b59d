import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Acts that a second person approves.

extension Center {
    /// Whether an act could be carried out now, as far as that is known before: who proposes learns at once what is
    /// wrong.
    func examine(_ act: ProposedAct) async throws(Problem) {
        switch act {
        case .close(let id, let version): try await self.examine(.close, of: id, version: version)
        case .settle(let id, let version):
            let sale = try await self.examine(.settle, of: id, version: version)
            try await self.checkSettled(sale)
        case .addStock(let lot, let add, _):
            try await self.keeper.perform { (authority, _) throws(Problem) in
                do throws(AuthorityError) { _ = try authority.issued(lot, with: add) } catch { throw Problem(error) }
            }
        case .settleQuota(let lot, let unit, let generation, let sold, _):
            try await self.keeper.perform { (authority, _) throws(Problem) in
                do throws(AuthorityError) {
                    try authority.checkSettlement(lot, unit, generation, sold: sold)
                } catch { throw Problem(error) }
            }
        }
    }

    @discardableResult
    private func examine(
        _ step: SaleState.Step, of id: String, version: Int
    ) async throws(Problem) -> SaleConfig.Sale {
        let (config, present, _) = await self.book.state
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        guard sale.state.after(step) != nil else {
            throw .wrongState(sale, "; possible now: \(sale.state.steps.map(\.rawValue).joined(separator: ", "))")
        }
        guard version == present else {
            throw Problem(
                status: 412, code: "precondition_failed",
                detail: "the configuration is at version \(present), not \(version): read it again, then repeat")
        }
        return sale
    }

    /// The sale that an act is about; empty if it is about none.
    func sale(of act: ProposedAct) async -> String {
        switch act {
        case .close(let sale, _), .settle(let sale, _): sale
        case .addStock(let lot, _, _), .settleQuota(let lot, _, _, _, _):
            await self.book.config.sale(of: lot)?.id ?? ""
        }
    }

    /// Carries the act of a proposal out, once. Its end is in the act's transaction.
    ///
    /// - Parameter proposer: Whoever proposed, as the list of operators has them now.
    /// - Throws: ``Problem``. With `proposal_stale` the proposal has ended; otherwise it is open, and an approval can be
    ///   repeated. What fails after the act is durable is not thrown.
    func approve(
        _ id: UInt64, by caller: Operator, reason: String, proposer: Operator?
    ) async throws(Problem) {
        let proposal = try await self.approvals.beginApproval(id, by: caller, reason: reason, proposer: proposer)
        let end = ProposalEnd(.approved, by: caller.name, reason: reason, at: SystemClock.now())
        let approved = ApprovedAct(proposal: proposal, end: end, sale: await self.sale(of: proposal.act))
        let act = OperatorAct(key: proposal.key, what: proposal.act.what)
        let isDone: Bool
        do throws(Problem) {
            isDone = try self.keeper.isDone(act)
        } catch {
            await self.approvals.giveUp(id)
            throw error
        }
        if isDone {
            // It was carried out while nobody had to approve: only the proposal is left.
            return try await self.approvals.finish(
                proposal, alone: end, actor: approved.actor, sale: approved.sale)
        }
        do throws(Problem) { try await self.carryOut(approved) } catch {
            let isStale = error.code == Problem.staleCode || error.code == "precondition_failed"
            let isDone = (try? self.keeper.isDone(act)) ?? false
            switch ApprovalBook.AfterError(isDone: isDone, isStale: isStale) {
            case .approved: break
            case .stale:
                let stale = ProposalEnd(.stale, by: caller.name, reason: reason, at: SystemClock.now())
                try await self.approvals.finish(proposal, alone: stale, actor: caller.name, sale: approved.sale)
                throw .stale(proposal)
            case .open:
                await self.approvals.giveUp(id)
                throw error
            }
        }
        await self.approvals.finish(id, with: end)
    }

    /// Takes the caller's own proposal back.
    func withdraw(_ id: UInt64, by caller: Operator, actor: String, reason: String) async throws(Problem) {
        var sale = ""
        if let proposal = await self.approvals.proposal(id) { sale = await self.sale(of: proposal.act) }
        try await self.approvals.withdraw(id, by: caller, actor: actor, reason: reason, sale: sale)
    }

    private func carryOut(_ approved: ApprovedAct) async throws(Problem) {
        let act = approved.proposal.act
        switch act {
        case .close(let sale, let version):
            try await self.take(.close, of: sale, version: version, approved)
        case .settle(let sale, let version):
            try await self.take(.settle, of: sale, version: version, approved)
        case .addStock(let lot, let add, _):
            try await self.addStock(add, to: lot, actor: approved.actor, key: nil, approved: approved) { _ in }
        case .settleQuota(let lot, let unit, let generation, let sold, _):
            try await self.settle(
                SettleBody(lot: lot, unit: unit, generation: generation, sold: sold), actor: approved.actor, key: nil,
                approved: approved)
        }
    }

    private func take(
        _ step: SaleState.Step, of sale: String, version: Int, _ approved: ApprovedAct
    ) async throws(Problem) {
        // Before the state of the sale: another version is told as such.
        guard await self.book.push.version == version else { throw .stale(approved.proposal) }
        _ = try await self.step(
            step, sale: sale, expected: version, actor: approved.actor, act: approved.act(approved.proposal.act.what),
            OpenBody())
    }

    /// Settles what is stranded.
    func settle(
        _ body: SettleBody, actor: String, key: String?, approved: ApprovedAct? = nil
    ) async throws(Problem) {
        try await self.command(
            actor: actor, action: "settle", detail: body.text, key: key, about: .lot(body.lot), tell: [],
            approved: approved
        ) { (authority, records) throws(AuthorityError) in
            try authority.settle(body.lot, body.unit, body.generation, sold: body.sold, into: &records)
        }
    }
}

extension SettleBody {
    /// As the audit trail and the acts have it.
    var text: String {
        "lot \(self.lot), unit \(self.unit), generation \(self.generation.rawValue): sold \(self.sold)"
    }
}

extension ProposedAct {
    /// The description of the act that is kept with its key, as the routes write it.
    var what: String {
        switch self {
        case .close(let sale, _): "close \(sale)"
        case .settle(let sale, _): "settle \(sale)"
        case .addStock(let lot, let add, _): "stock: lot \(lot): +\(add)"
        case .settleQuota(let lot, let unit, let generation, let sold, _):
            "settle: " + SettleBody(lot: lot, unit: unit, generation: generation, sold: sold).text
        }
    }
}
