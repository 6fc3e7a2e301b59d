import TrancheCore

// The faults of a world.

extension World {
    func drawFault() {
        guard self.faultsAreOn else { return }
        let pause = self.random.number(
            self.profile.faultEveryMilliseconds / 2...self.profile.faultEveryMilliseconds * 2)
        self.schedule(.fault, afterMicroseconds: 1_000 * pause)
        let unit = UnitID(UInt16(self.random.number(1...self.settings.units)))
        let kinds = self.profile.kinds
        let kind = kinds[self.random.number(0...kinds.count - 1)]
        if kind.losesMemory, self.units[known: unit].wasCloned { return }
        switch kind {
        case .crashUnit: self.crashUnit(unit)
        case .crashCenter: self.crashCenter()
        case .coordinator: self.stopCoordinator(self.random.number(0...1))
        case .emptyRedis:
            self.emptyRedis(unit, restarts: self.random.happens(permille: 500))
            self.mark("Redis emptied")
        case .setRedisBack: self.setRedisBack(unit)
        case .stopRedis:
            self.units[known: unit].redisIsDown.toggle()
            self.mark("Redis down or up")
        case .backUpOrRestore: self.backUpOrRestore(unit)
        case .stepClock:
            let step = self.profile.clockStepMilliseconds
            self.units[known: unit].clock.step(toOffsetMicroseconds: Int64(self.random.number(-step...step)) * 1_000)
            self.checker.clockWasWrong(unit)
            self.mark("clock stepped")
        case .detuneClock: self.detune(unit)
        case .breakLinks: self.breakLinks()
        case .pauseUnit:
            self.units[known: unit].pausedUntil = self.now.advanced(milliseconds: Int64(self.random.number(50...3_000)))
            self.mark("unit paused")
        case .fillDisk:
            self.units[known: unit].diskIsFullUntil = self.now.advanced(
                milliseconds: Int64(self.random.number(20...2_000)))
        case .cloneUnit: self.cloneUnit(unit)
        }
    }

    private func stopCoordinator(_ number: Int) {
        if self.random.happens(permille: 500) {
            self.coordinators[number] = SimulatedCoordinator(number: number)
            self.mark("coordinator crashed")
        } else {
            self.coordinators[number].pausedUntil = self.now.advanced(
                milliseconds: Int64(self.random.number(200...3_000)))
            self.mark("coordinator paused")
        }
    }

    private func detune(_ unit: UnitID) {
        let stops = self.profile.clocksStop && (self.profile.clockDrift == 0 || self.random.happens(permille: 400))
        let drift = self.profile.clockDrift
        let gain = stops ? SimulatedClock.stopped : Int64(self.random.number(-drift...drift))
        self.units[known: unit].clock.run(gaining: gain, from: self.now)
        self.checker.clockWasWrong(unit)
        self.mark(stops ? "clock stopped" : "clock drifted")
    }

    private func setRedisBack(_ unit: UnitID) {
        if let snapshot = self.units[known: unit].redisSnapshot {
            self.units[known: unit].redis = snapshot
            self.units[known: unit].redis.run = self.newRun()
            self.units[known: unit].redisSnapshot = nil
            self.mark("Redis set back")
        } else {
            self.units[known: unit].redisSnapshot = self.units[known: unit].redis
        }
    }

    /// Takes a copy of a ledger, or puts an older copy in its place while the unit is down.
    ///
    /// The center cannot tell a restore right after the newest report from a crash, and Redis is emptied with the
    /// machine. Nothing is promised for that loss, so the world restores only copies that the center can detect.
    private func backUpOrRestore(_ id: UnitID) {
        let unit = self.units[known: id]
        guard unit.backup > 0 else {
            self.units[known: id].backup = unit.ledger.entries.count
            self.units[known: id].redisAtBackup = unit.redis
            self.trade?.backups[id] = self.trade?.disks[id]
            return
        }
        let witness = self.center.witnesses[id]?.position ?? 0
        guard UInt64(unit.backup) < witness, unit.ledger.entries.count > unit.backup else { return }
        self.crashUnit(id)
        let lost = self.units[known: id].ledger.restore(count: unit.backup)
        self.units[known: id].backup = 0
        self.checker.ledgerRestored(id, lost: lost, left: self.units[known: id].ledger.entries)
        self.setTradeBack(id, lost: lost)
        switch self.random.number(0...2) {
        case 0:
            self.emptyRedis(id, restarts: true)
            self.mark("ledger restored from a backup")
        case 1: self.mark("ledger restored beside its Redis")
        default:
            self.units[known: id].redis = self.units[known: id].redisAtBackup
            self.units[known: id].redis.run = self.newRun()
            self.mark("whole machine set back")
        }
    }

    private func emptyRedis(_ id: UnitID, restarts: Bool) {
        var empty = SimulatedRedis()
        empty.run = restarts ? self.newRun() : self.units[known: id].redis.run
        self.units[known: id].redis = empty
    }

    private func newRun() -> RedisRun {
        self.redisRuns += 1
        return RedisRun(rawValue: self.redisRuns)
    }

    func endFaults() {
        self.faultsAreOn = false
        self.profile.heal()
        self.network.heal()
        self.trade?.habits.heal()
        for id in self.units.keys {
            self.units[known: id].original = nil
            self.units[known: id].redisIsDown = false
            self.units[known: id].clock = SimulatedClock()
            self.units[known: id].pausedUntil = self.now
            self.units[known: id].diskIsFullUntil = self.now
        }
    }

    /// The operator settles stranded quota by a count from all ledgers, as soon as none of it waits for payment, and
    /// corrects a settlement when one of its orders was bought again.
    func settleStranded() {
        if self.now.milliseconds(since: self.start) < self.settings.endAtMilliseconds - 2_000 {
            self.schedule(.settle, afterMicroseconds: 2_500_000)
        }
        self.withAuthority { authority, records in
            for lot in authority.book.lots.keys.sorted() {
                for account in authority.book.lots[lot]!.accounts where account.status != .active {
                    self.settle(lot, account, &authority, &records)
                }
            }
        }
    }

    private func settle(
        _ lot: LotID, _ account: AuthorityBook.Account, _ authority: inout QuotaAuthority,
        _ records: inout [AuthorityRecord]
    ) {
        let orders = self.units[known: account.unit].ledger.book.orders
        let isUndecided = orders.contains {
            $0.lot == lot && $0.generation == account.generation && $0.state == .reserved
        }
        // A process that still sells from that quota must end first.
        if isUndecided || self.units[known: account.unit].original != nil { return }
        let sold = self.checker.trulyLive(lot, unit: account.unit, generation: account.generation, orders: orders)
        if account.isStranded {
            self.checker.live(
                sold - self.paidForAgain(lot, account.generation, orders) <= account.outstanding, "I2",
                "lot \(lot), unit \(account.unit): \(sold) sold of \(account.outstanding) stranded")
        } else if sold >= account.outstanding {
            return
        }
        self.mark(account.isStranded ? "stranded stock settled" : "settlement corrected")
        try? authority.settle(
            lot, account.unit, account.generation, sold: min(sold, account.outstanding), into: &records)
    }
}
