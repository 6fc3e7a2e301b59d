import TrancheCore

// What goes wrong, and what must be right when nothing goes wrong any more.

extension World {
    func drawFault() {
        guard self.faultsAreOn else { return }
        let pause = self.random.number(
            self.profile.faultEveryMilliseconds / 2...self.profile.faultEveryMilliseconds * 2)
        self.schedule(.fault, afterMicroseconds: 1_000 * pause)
        let unit = UnitID(UInt16(self.random.number(1...self.settings.units)))
        switch self.random.number(1...9) {
        case 1, 2: self.crashUnit(unit)
        case 3: self.crashCenter()
        case 4:
            let number = self.random.number(0...1)
            if self.random.happens(permille: 500) {
                self.coordinators[number] = SimulatedCoordinator(number: number)
                self.mark("coordinator crashed")
            } else {
                self.coordinators[number].pausedUntil = self.now.advanced(
                    milliseconds: Int64(self.random.number(200...3_000)))
                self.mark("coordinator paused")
            }
        case 5 where self.profile.redisFaults:
            self.units[unit]!.redis = SimulatedRedis()
            self.mark("Redis emptied")
        case 6 where self.profile.redisFaults: self.setRedisBack(unit)
        case 7 where self.profile.redisFaults:
            self.units[unit]!.redisIsDown.toggle()
            self.mark("Redis down or up")
        case 8 where self.profile.backups: self.backUpOrRestore(unit)
        case 9 where self.profile.clockStepMilliseconds > 0:
            let step = self.profile.clockStepMilliseconds
            self.units[unit]!.clockOffsetMicroseconds = Int64(self.random.number(-step...step)) * 1_000
            self.checker.clockWasWrong(unit)
            self.mark("clock stepped")
        default: break
        }
    }

    private func setRedisBack(_ unit: UnitID) {
        if let snapshot = self.units[unit]!.redisSnapshot {
            self.units[unit]!.redis = snapshot
            self.units[unit]!.redisSnapshot = nil
            self.mark("Redis set back")
        } else {
            self.units[unit]!.redisSnapshot = self.units[unit]!.redis
        }
    }

    /// Takes a copy of a ledger, or puts an older copy in its place while the unit is down.
    ///
    /// A restore right after the newest report cannot be told from a crash by the center, and Redis is emptied with the
    /// machine: that is the one loss that is not promised against, so the world restores only copies that the center can tell.
    private func backUpOrRestore(_ id: UnitID) {
        let unit = self.units[id]!
        guard unit.backup > 0 else {
            self.units[id]!.backup = unit.ledger.entries.count
            return
        }
        let witness = self.center.witnesses[id]?.position ?? 0
        guard UInt64(unit.backup) < witness, unit.ledger.entries.count > unit.backup else { return }
        self.crashUnit(id)
        let lost = self.units[id]!.ledger.restore(count: unit.backup)
        self.units[id]!.backup = 0
        self.checker.ledgerRestored(id, lost: lost, left: self.units[id]!.ledger.entries)
        self.units[id]!.redis = SimulatedRedis()
        self.mark("ledger restored from a backup")
    }

    func endFaults() {
        self.faultsAreOn = false
        self.profile.heal()
        for id in self.units.keys.sorted() {
            self.units[id]!.redisIsDown = false
            self.units[id]!.clockOffsetMicroseconds = 0
        }
    }

    /// The operator settles what was stranded, by a count from every trace there is, after the last deadline.
    func settleStranded() {
        self.withAuthority { authority, records in
            for lot in authority.book.lots.keys.sorted() {
                for account in authority.book.lots[lot]!.accounts where account.isStranded {
                    let orders = self.units[account.unit]!.ledger.book.orders
                    let sold = self.checker.trulyLive(
                        lot, unit: account.unit, generation: account.generation, orders: orders)
                    try? authority.settle(
                        lot, account.unit, account.generation, sold: min(sold, account.outstanding), into: &records)
                    self.mark("stranded stock settled")
                }
            }
        }
    }

    /// L1 and L2: faults ended long ago, so everything must have come to rest, and nothing may be lost or stuck.
    func judgeTheEnd() {
        guard let authority = self.center.authority else {
            return self.checker.live(false, "L1", "the center did not return")
        }
        for id in self.units.keys.sorted() {
            let process = self.units[id]!.process
            self.checker.live(process?.machine.isRegistered == true, "L1", "unit \(id) did not return")
            guard let process else { continue }
            let overdue = process.waiting.values.filter { self.now.milliseconds(since: $0.since) > 3_000 }
            self.checker.live(overdue.isEmpty, "L2", "unit \(id) owes \(overdue.count) answers")
            for lot in authority.book.lots.keys.sorted() {
                self.checker.live(process.machine.isPrimed(lot), "L1", "lot \(lot) of unit \(id) is not in Redis")
                let undecided = process.machine.book.candidates(lot).filter {
                    process.machine.book.orders[$0.order]?.state == .contested
                }
                self.checker.live(
                    undecided.isEmpty, "L2",
                    "lot \(lot) of unit \(id): \(undecided.count) contested orders without an end: \(undecided)")
                if process.machine.isContended(lot) { continue }  // Redis has no part in a contest.
                let redis = self.units[id]!.redis.lots[lot]?.available ?? -1
                let ledger = process.machine.available(lot)
                self.checker.live(
                    redis == ledger, "L1", "lot \(lot) of unit \(id): \(redis) in Redis, \(ledger) in the ledger")
            }
        }
        for lot in authority.book.lots.keys.sorted() { self.judgeTheEnd(lot, authority) }
    }

    private func judgeTheEnd(_ lot: LotID, _ authority: QuotaAuthority) {
        let state = authority.book.lots[lot]!
        var (live, available) = (0, 0)
        for id in self.units.keys.sorted() {
            guard let machine = self.units[id]!.process?.machine else { continue }
            available += machine.available(lot)
            live += machine.book[lot].live
            let account = authority.book.account(lot, id, machine.book.generation)
            self.checker.live(
                account.granted == machine.book[lot].granted && account.returned == machine.book[lot].returned, "L1",
                "lot \(lot), unit \(id): the center has \(account), the unit \(machine.book[lot])")
        }
        let old = state.accounts.filter { $0.standing != .active }.reduce(0) { $0 + $1.outstanding }
        self.checker.live(
            state.pool + available + live + old == state.issued, "L1",
            "lot \(lot): pool \(state.pool) + available \(available) + live \(live) + old \(old) != issued \(state.issued)"
        )
    }
}
