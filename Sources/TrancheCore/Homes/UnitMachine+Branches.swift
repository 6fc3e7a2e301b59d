// How a home refers new buyers to units that were added to the sale: see `Branch`.
//
// A referral changes nothing in the ledger: the entry of the branch has decided it. But it is answered only after a step
// in Redis. The original of a copied machine knows no orders of its copy, and could refer a buyer who has one; Redis
// refuses its step. The step names a head of the ledger with the branch. So a copy without it is not vouched for by this Redis
// any more.

extension UnitMachine {
    /// Takes in what the log says of a lot's branches.
    mutating func open(_ branches: [BranchRecord], of lot: LotID, now: Instant, into output: inout UnitOutput) {
        for record in branches where self.book.branches[lot]?.contains(where: { $0.unit == record.unit }) != true {
            guard record.home == self.unit, record.unit != self.unit,
                self.book.branches[lot]?.count ?? 0 < Limits.branches
            else {
                self.disbelieve(
                    "lot \(lot): unit \(record.unit) cannot be a branch of unit \(record.home)", into: &output)
                continue
            }
            if self.lots[lot] == nil { self.lots[lot] = self.newLot(lot) }
            let branch = Branch(
                home: self.unit, unit: record.unit, refusedBefore: self.refusals(before: record, lot, now: now))
            // The desk first: from the entry on, it must not refuse from memory what the branch may have sold.
            output.add(durableAlready: .branched(lot, branch))
            self.append(.branched(lot, branch), into: &output)
            self.lots[known: lot].branchesAreDurable = false
            self.lotsToBranch.insert(lot)
            // In a contest they enter it, or are referred, when it begins.
            if self.lots[known: lot].isLocal { self.requeueStarved(lot) }
        }
    }

    /// Tokens made before this moment may have been refused as sold out here.
    ///
    /// A ledger that was set back may have had the branch before. What its buyers were refused is forgotten, but what the
    /// branch has sold them since is not: they are referred.
    private func refusals(before record: BranchRecord, _ lot: LotID, now: Instant) -> Instant {
        guard record.generation == self.book.generation, self.book.lotsEverSoldOut.contains(lot) else {
            return .distantPast
        }
        return now.advanced(milliseconds: Branch.refusalSlackMilliseconds)
    }

    /// Refers the buyer of a request to a branch, if the buyer prefers one and has no order here.
    ///
    /// - Returns: Whether the request is on its way to an answer.
    mutating func refer(_ request: BuyRequest, into output: inout UnitOutput) -> Bool {
        guard !self.book.branches.isEmpty, let branch = self.book.branch(of: request.buyer, lot: request.lot) else {
            return false
        }
        if request.purchase.issuedAt < branch.refusedBefore {
            self.refuseSoldOut(request, into: &output)
        } else if !self.lots[known: request.lot].redis.isOpen {
            output.addAnswer(to: request, .refused(.recovering))
        } else if self.lots[known: request.lot].referrals.count >= Limits.waitingRequests {
            output.addAnswer(to: request, .refused(.overloaded(limit: Limits.waitingRequests)))
        } else {
            self.lots[known: request.lot].referrals.append(Referral(request: request, unit: branch.unit))
            self.lotsToRefer.insert(request.lot)
        }
        return true
    }

    /// Begins a step for each lot with buyers to refer that has none under way.
    mutating func referWaiting(into output: inout UnitOutput) {
        guard !self.lotsToRefer.isEmpty else { return }
        for lot in self.lotsToRefer.sorted() {
            let state = self.lots[known: lot]
            if state.referrals.isEmpty {
                self.lotsToRefer.remove(lot)
            } else if state.redis.isIdle, state.branchesAreDurable {
                self.addStep(lot, [], into: &output)
            }
        }
    }

    /// The referrals that the next step confirms.
    mutating func takeReferrals(_ lot: LotID) -> [Referral] {
        guard !self.lotsToRefer.isEmpty, let state = self.lots[lot], state.branchesAreDurable else { return [] }
        let taken = Array(state.referrals.prefix(Limits.requestsPerStep))
        self.lots[known: lot].referrals.removeFirst(taken.count)
        if self.lots[known: lot].referrals.isEmpty { self.lotsToRefer.remove(lot) }
        return taken
    }

    /// Redis has confirmed the step, so this process still has the unit.
    func answerReferred(_ step: RedisStep, into output: inout UnitOutput) {
        for referral in step.referrals {
            output.add(durableAlready: .answer(referral.request, .refused(.referred(to: referral.unit))))
        }
    }
}
