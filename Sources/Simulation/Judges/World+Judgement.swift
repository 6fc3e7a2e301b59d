import TrancheCore

// Checks after the last fault.

extension World {
    /// A call without an answer breaks L2 after this time, in milliseconds. Some are younger when a world ends.
    static let answerMilliseconds: Int64 = 3_000

    /// L1 and L2: faults ended long ago, so every request must have an outcome, and no stock may be lost or stuck.
    ///
    /// - Parameter late: Lots that Redis was behind with a probe ago. It may be behind with another one now.
    func judgeTheEnd(late: [(UnitID, LotID)]) {
        guard let authority = self.center.authority else {
            return self.checker.live(false, "L1", "the center did not return")
        }
        for id in self.units.keys {
            let process = self.units[known: id].process
            self.checker.live(process?.machine.isRegistered == true, "L1", "unit \(id) did not return")
            guard let process else { continue }
            let overdue = process.waiting.values.filter {
                self.now.milliseconds(since: $0.since) > Self.answerMilliseconds
            }
            self.checker.live(overdue.isEmpty, "L2", "unit \(id) owes \(overdue.count) answers")
            for lot in authority.book.lots.keys.sorted() {
                self.checker.live(process.machine.isPrimed(lot), "L1", "lot \(lot) of unit \(id) is not in Redis")
                let undecided = process.machine.book.candidates(lot).filter {
                    process.machine.book.orders.state(of: $0.order) == .contested
                }
                self.checker.live(
                    undecided.isEmpty, "L2",
                    "lot \(lot) of unit \(id): \(undecided.count) contested orders without an end: \(undecided)")
            }
        }
        for (id, lot, redis, ledger) in self.lotsWithLateRedis where late.contains(where: { $0 == (id, lot) }) {
            self.checker.live(false, "L1", "lot \(lot) of unit \(id): \(redis) in Redis, \(ledger) in the ledger")
        }
        for lot in authority.book.lots.keys.sorted() { self.judgeTheEnd(lot, authority) }
        self.judgePayments()
    }

    /// Lots whose stock in Redis is not that of the ledger. Right after a change without a request this is as it should be:
    /// Redis learns of it with the next probe.
    var lotsWithLateRedis: [(unit: UnitID, lot: LotID, redis: Int, ledger: Int)] {
        guard let authority = self.center.authority else { return [] }
        return self.units.keys.flatMap { id in
            authority.book.lots.keys.sorted().compactMap { lot in
                // Redis has no part in a contest.
                guard let machine = self.units[known: id].process?.machine, !machine.isContended(lot) else {
                    return nil
                }
                let (redis, ledger) = (self.units[known: id].redis.data[lot]?.available ?? -1, machine.available(lot))
                return redis == ledger ? nil : (id, lot, redis, ledger)
            }
        }
    }

    private func judgeTheEnd(_ lot: LotID, _ authority: QuotaAuthority) {
        let state = authority.book.lots[lot]!
        var (live, available) = (0, 0)
        for id in self.units.keys {
            guard let machine = self.units[known: id].process?.machine else { continue }
            available += machine.available(lot)
            live += machine.book[lot].live
            let account = authority.book.account(lot, id, machine.book.generation)
            self.checker.live(
                account.granted == machine.book[lot].granted && account.returned == machine.book[lot].returned
                    && account.allocated == machine.book[lot].allocated, "L1",
                "lot \(lot), unit \(id): the center has \(account), the unit \(machine.book[lot])")
        }
        let old = state.accounts.filter { $0.status != .active }.reduce(0) { $0 + $1.outstanding }
        let carried = state.carried ?? 0
        self.checker.live(
            state.pool + available + live + old + carried == state.issued, "L1",
            "lot \(lot): pool \(state.pool) + available \(available) + live \(live) + old \(old) + carried \(carried) != "
                + "issued \(state.issued)"
        )
    }
}
