import DaemonSupport
import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

// What a settled sale left unsold becomes the stock of another sale.

extension Center {
    /// What ``carry(_:to:_:actor:key:)`` has carried, and what it would carry now. It changes nothing.
    func secondRound(of id: String, to next: String) async throws(Problem) -> SecondRoundDocument {
        try SaleConfig.checkSaleID(next)
        let config = await self.book.config
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        do throws(Problem) {
            let known = try config.secondRound(next, of: sale)
            let left = try await self.left(of: sale, config)
            if let known {
                _ = try self.pairs(of: known, from: sale, left)
            } else if left.values.allSatisfy({ $0 == 0 }) {
                throw Problem(SecondRound.Refusal.nothingLeft, sale: id, UnitNames(config))
            }
            return try await self.document(sale, next)
        } catch {
            // What units hold unsold is asked for when it is carried: that is no obstacle.
            return try await self.document(sale, next, refusal: error.code == "not_returned" ? nil : error.detail)
        }
    }

    /// Makes everything that a settled sale left unsold the stock of a new sale, in one record of the log. A repetition
    /// completes what an earlier call began, and carries what a late correction has freed since.
    ///
    /// The configuration is changed first: no other sale takes the numbers of the new lots, and units never hear of more than
    /// it has. A carried lot is never issued, so the items are in one place, whenever the center ends.
    func carry(
        _ id: String, to next: String, _ body: SecondRoundBody, actor: String, key: String?
    ) async throws(Problem) -> SecondRoundDocument {
        try SaleConfig.checkSaleID(next)
        guard self.draftUse.withLockedValue({ $0.beginCarry(to: next) }) else {
            throw .inUse(next, "is being deleted")
        }
        defer { self.draftUse.withLockedValue { $0.endCarry(to: next) } }
        let act = key.map { OperatorAct(key: $0, what: "second round: \(id) to \(next)") }
        let config = await self.book.config
        guard let sale = config.sales.first(where: { $0.id == id }) else { throw .unknownSale(id) }
        if let act, try self.keeper.isDone(act) {
            try await self.raise(self.issued(of: sale, in: next), actor: actor, next)
            return try await self.document(sale, next)
        }
        let known = try config.secondRound(next, of: sale)
        let left = try await self.returned(sale, config)
        if let known {
            guard try !self.pairs(of: known, from: sale, left).isEmpty else {
                let issued = try await self.issued(of: sale, in: next)
                guard issued.contains(where: { $0.1 > 0 }) else {
                    throw Problem(SecondRound.Refusal.nothingLeft, sale: id, UnitNames(config))
                }
                try await self.raise(issued, actor: actor, next)
                return try await self.document(sale, next)
            }
        } else {
            guard left.values.contains(where: { $0 > 0 }) else {
                throw Problem(SecondRound.Refusal.nothingLeft, sale: id, UnitNames(config))
            }
            try await self.begin(next, of: sale, left, body, actor: actor)
        }
        let pairs = try await self.book.config.secondRound(next, of: sale)?.pairs(from: sale) ?? []
        let before = try await self.keeper.perform { authority, _ in
            pairs.map { ($0.to, (authority.book.lots[$0.to]?.issued ?? 0) + authority.unsold($0.from).pool) }
        }
        try await self.raise(before, actor: actor, next)
        try await self.carry(pairs, of: sale, to: next, actor: actor, act: act)
        // More may have been freed in between.
        try await self.raise(self.issued(of: sale, in: next), actor: actor, next)
        return try await self.document(sale, next)
    }

    /// The second and last change: what is in the pools of one sale is stock of the other one.
    private func carry(
        _ pairs: [SecondRound.Pair], of sale: SaleConfig.Sale, to next: String, actor: String, act: OperatorAct?
    ) async throws(Problem) {
        let (names, lots) = (UnitNames(await self.book.config), sale.lots.map(\.id))
        let note = ActNote(
            actor: actor, action: "carry", sale: sale.id, detail: "what is left of sale \(sale.id) to sale \(next)",
            key: act?.key ?? "", subject: pairs.first.map { .lot($0.from) } ?? .sale(sale.id))
        _ = try await self.keeper.perform(act, note: note) { (authority, records) throws(Problem) -> Int in
            do throws(SecondRound.Refusal) {
                try SecondRound.check(sale.state, lots, authority, now: SystemClock.monotonic())
                return try authority.carry(pairs, into: &records)
            } catch { throw Problem(error, sale: sale.id, names) }
        }
    }

    /// What the log has of each lot of a second round by now. The configuration may have less, if a center ended, or
    /// could not write, behind the record.
    private func issued(of sale: SaleConfig.Sale, in next: String) async throws(Problem) -> [(LotID, Int)] {
        let lots = await self.book.config.sales.first { $0.id == next }?.pairs(from: sale).map(\.to) ?? []
        return try await self.keeper.perform { authority, _ in
            lots.map { ($0, authority.book.lots[$0]?.issued ?? 0) }
        }
    }

    /// Whether the log has the items of a second round: before that it does not warm up.
    func checkCarried(_ sale: SaleConfig.Sale) async throws(Problem) {
        let lots = sale.lots.filter { $0.carriedFrom != nil }.map(\.id)
        guard !lots.isEmpty else { return }
        let missing = try await self.keeper.perform { authority, _ in lots.first { authority.book.lots[$0] == nil } }
        guard let missing else { return }
        throw Problem(
            status: 409, code: "not_carried",
            detail: "lot \(missing) of sale \(sale.id) has no items yet: repeat `tranche sale second-round`")
    }

    /// What is in the pools of a settled sale, by lot, if nothing unsold is elsewhere.
    private func left(of sale: SaleConfig.Sale, _ config: SaleConfig) async throws(Problem) -> [LotID: Int] {
        let lots = sale.lots.map(\.id)
        return try await self.keeper.perform { (authority, _) throws(Problem) in
            do throws(SecondRound.Refusal) {
                try SecondRound.check(sale.state, lots, authority, now: SystemClock.monotonic())
            } catch { throw Problem(error, sale: sale.id, UnitNames(config)) }
            return Dictionary(uniqueKeysWithValues: lots.map { ($0, authority.unsold($0).pool) })
        }
    }

    /// The same; units that hold something unsold are asked for it. Nothing moves before it is back.
    private func returned(_ sale: SaleConfig.Sale, _ config: SaleConfig) async throws(Problem) -> [LotID: Int] {
        do throws(Problem) { return try await self.left(of: sale, config) } catch {
            guard error.code == "not_returned" else { throw error }
            let lots = sale.lots.map(\.id)
            await self.tell(try await self.keeper.perform { authority, _ in authority.reclaimUnsold(lots) })
            throw error
        }
    }

    /// The lots of a second round that would get something now.
    private func pairs(
        of known: SaleConfig.Sale, from sale: SaleConfig.Sale, _ left: [LotID: Int]
    ) throws(Problem) -> [SecondRound.Pair] {
        let pairs = known.pairs(from: sale).filter { left[$0.from] ?? 0 > 0 }
        guard pairs.isEmpty || known.state.allows(.moreStock) else {
            let items = pairs.reduce(0) { $0 + (left[$1.from] ?? 0) }
            throw .wrongState(
                known, ": \(items) more items stay in the pool of sale \(sale.id): carry them into another sale")
        }
        return pairs
    }

    /// Makes the draft of a second round.
    private func begin(
        _ next: String, of sale: SaleConfig.Sale, _ left: [LotID: Int], _ body: SecondRoundBody, actor: String
    ) async throws(Problem) {
        let now = SystemClock.now()
        let (tieKeyHash, drawHash) = (try self.drawSecret(sale: next), try self.makeDrawSeed(sale: next))
        try await self.change(.saleCreated, actor: actor, note: "create \(next), the second round of \(sale.id)") {
            (config) throws(Problem) in
            // Another call may have been faster.
            guard try config.secondRound(next, of: sale) == nil else { return }
            var made = try config.secondRound(
                of: sale, id: next, left: left,
                startsAtMilliseconds: body.startsAtMilliseconds ?? now.microseconds / 1_000,
                endsAtMilliseconds: body.endsAtMilliseconds)
            (made.tieKeyHash, made.drawHash) = (tieKeyHash, drawHash)
            try made.checkLines(now: now)
            try config.checkContests(of: made)
            config.sales.append(made)
        }
    }

    private func raise(_ lots: [(LotID, Int)], actor: String, _ next: String) async throws(Problem) {
        try await self.change(.moreStock, actor: actor, note: "carry items into \(next)") { config in
            for (lot, issued) in lots { config.raiseCarried(lot, to: issued) }
        }
    }

    private func document(
        _ sale: SaleConfig.Sale, _ next: String, refusal: String? = nil
    ) async throws(Problem) -> SecondRoundDocument {
        let known = await self.book.config.sales.first { $0.id == next }
        let pairs = known?.pairs(from: sale) ?? []
        let lots = try await self.keeper.perform { authority, _ in
            sale.lots.map { lot in
                let to = pairs.first { $0.from == lot.id }?.to
                let (pool, unreturned) = authority.unsold(lot.id)
                return SecondRoundDocument.Lot(
                    lot: lot.id, to: to, pool: pool, unreturned: unreturned,
                    carried: to.flatMap { authority.book.lots[$0]?.origin?.quantity } ?? 0)
            }
        }
        return SecondRoundDocument(sale: sale.id, to: next, lots: lots, refusal: refusal)
    }
}
