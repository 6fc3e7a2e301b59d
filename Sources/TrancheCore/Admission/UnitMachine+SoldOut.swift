// The flag by which the front desk refuses a lot's requests without admission.

extension UnitMachine {
    /// Raises or lowers the flag of a lot that is sold locally.
    mutating func flagSoldOut(_ lot: LotID, into output: inout UnitOutput) {
        guard let state = self.lots[lot], state.isLocal, state.redis.isOpen else { return }
        if self.book[lot].available > 0 || state.elsewhere.mayCome(now: self.steady) {
            return self.lowerFlag(lot, into: &output)
        }
        for one in state.starved { self.refuseSoldOut(one.request, into: &output) }
        self.lots[known: lot].starved = []
        // A refusal of this very event is not durable yet: the flag waits for the next one.
        if state.soldOutIsDurable { self.raiseFlag(lot, into: &output) }
    }

    /// The entry that the lot is refused as sold out is durable first. Otherwise a restart could not tell which
    /// requests were refused from memory.
    mutating func raiseFlag(_ lot: LotID, into output: inout UnitOutput) {
        guard !self.lots[known: lot].isFlaggedSoldOut, self.lots[known: lot].soldOutIsDurable else { return }
        self.lots[known: lot].isFlaggedSoldOut = true
        output.add(.soldOut(lot, true))
    }

    /// Requests of the lot go to admission again.
    mutating func lowerFlag(_ lot: LotID, into output: inout UnitOutput) {
        guard self.lots[known: lot].isFlaggedSoldOut else { return }
        self.lots[known: lot].isFlaggedSoldOut = false
        output.add(.soldOut(lot, false))
    }
}
