import TrancheCore

/// A coordinator's process. None of its state survives it.
final class SimulatedCoordinator {
    let number: Int
    var epoch = Epoch(0)
    var rebalancer = Rebalancer()
    var merges = SortedMap<LotID, ContestMerge>()
    var clocks = ClockJudge()
    /// When each batch was sent, to time out missing answers.
    var committedAt: [LotID: Instant] = [:]
    var pausedUntil = Instant.distantPast
    init(number: Int) { self.number = number }

    /// Access in place: a copy of a merge counts a dozen references.
    func withMerge<Value>(_ lot: LotID, _ body: (inout ContestMerge) -> Value) -> Value {
        body(&self.merges[known: lot])
    }

    var url: String { "coordinator-\(self.number)" }
}

/// A coordinator's request to the center.
enum CoordinatorCall {
    case lead
    case poll(Epoch)
    case decisions([Rebalancer.Decision], Epoch)
    case contest(LotID, ContestBatch, Epoch)
}

/// The center's answer.
enum CenterWord {
    struct Lot {
        /// As it is sold locally.
        let stock: Rebalancer.Stock
        /// As it is contested.
        let contest: ContestMerge.Stock
        /// Set from the moment when it is contended.
        let terms: ContestTerms?
    }
    /// With the contests of the log, in pages.
    case leading(Epoch, [LotID: [ContestPage]])
    case quota(Epoch, [Lot])
    case committed(Epoch, LotID, number: UInt64, pool: Int, coming: Int, mayReturn: Int)
    case deposed(Epoch)
}

extension World {
    static let contestEveryMicroseconds = 40_000

    func coordinatorTick(_ number: Int) {
        self.schedule(.coordinatorTick(number), afterMicroseconds: 100_000)
        guard self.coordinators[number].pausedUntil <= self.now else { return }
        let epoch = self.coordinators[number].epoch
        self.send(.fromCoordinator(number, epoch == Epoch(0) ? .lead : .poll(epoch)))
    }

    /// A coordinator loses its whole state.
    func resetCoordinator(_ number: Int) {
        let pause = self.coordinators[number].pausedUntil
        self.coordinators[number] = SimulatedCoordinator(number: number)
        self.coordinators[number].pausedUntil = pause
    }

    // MARK: at the center

    func answer(coordinator number: Int, _ call: CoordinatorCall) {
        switch call {
        case .lead: self.lead(number)
        case .poll(let epoch): self.poll(number, epoch)
        case .decisions(let decisions, let epoch):
            let touched = self.withAuthority { authority, records in
                authority.carryOut(decisions, by: epoch, into: &records)
            }
            switch touched {
            case .success(let units): for unit in units { self.push(to: unit) }
            case .failure: self.send(.toCoordinator(number, .deposed(epoch)))
            case nil: break
            }
        case .contest(let lot, let batch, let epoch): self.record(number, lot, batch, epoch)
        }
    }

    private func lead(_ number: Int) {
        let url = self.coordinators[number].url
        let now = self.now
        let epoch = self.withAuthority { authority, records -> Epoch? in
            try? authority.lead(url: url, now: now, into: &records)
        }
        guard let epoch = epoch ?? nil, let authority = self.center.authority else { return }
        if epoch.rawValue > 2 { self.mark("lead changed hands") }
        let contests = authority.book.lots.filter { $0.value.contest != nil }.keys
        let pages = contests.map { ($0, self.pages(of: $0, authority, for: epoch)) }
        self.send(.toCoordinator(number, .leading(epoch, Dictionary(uniqueKeysWithValues: pages))))
        for unit in self.units.keys { self.push(to: unit) }
    }

    /// Small pages, so that a small contest has several.
    private func pages(of lot: LotID, _ authority: QuotaAuthority, for epoch: Epoch) -> [ContestPage] {
        var (pages, next): ([ContestPage], Int) = ([], 0)
        repeat {
            guard
                let page = try? authority.contestPage(
                    lot, for: epoch, from: next, batches: pages.first?.head.batches, limit: 3)
            else { break }
            pages.append(page)
            next += page.items.count
        } while next < pages[0].head.items
        return pages
    }

    private func poll(_ number: Int, _ epoch: Epoch) {
        if self.plant == .leaseExpires { self.expireLeases() }
        let address = CoordinatorAddress(epoch: epoch, url: self.coordinators[number].url)
        guard self.center.authority != nil else { return }
        guard self.center.authority!.hear(coordinator: address, now: self.now) else {
            return self.send(.toCoordinator(number, .deposed(epoch)))
        }
        let authority = self.center.authority!
        // The sale ends a while before the world does, so that every buyer gets an outcome.
        let isClosed = self.now >= self.start.advanced(milliseconds: self.settings.endAtMilliseconds - 4_000)
        let lots = authority.book.lots.keys.sorted().map { lot in
            let state = authority.book.lots[lot]!
            let stock = Rebalancer.Stock(
                lot: lot, issued: state.issued, pool: state.pool,
                available: authority.book.units.keys.map { authority.available(lot, $0) }, isFrozen: state.isFrozen,
                samples: authority.samples(lot, now: self.now), start: self.contestStart, terms: self.contestTerms)
            return CenterWord.Lot(
                stock: stock, contest: authority.contestStock(lot, isClosed: isClosed, now: self.now),
                terms: state.contest?.terms)
        }
        self.send(.toCoordinator(number, .quota(epoch, lots)))
    }

    private func record(_ number: Int, _ lot: LotID, _ batch: ContestBatch, _ epoch: Epoch) {
        let now = self.now
        let result = self.withAuthority { authority, records in
            Result { () throws(AuthorityError) in
                try authority.record(lot, self.planted(batch, lot, authority), by: epoch, now: now, into: &records)
            }
        }
        switch result {
        case .success(let (pool, coming, mayReturn)):
            self.send(
                .toCoordinator(
                    number,
                    .committed(
                        epoch, lot, number: batch.number, pool: pool, coming: coming, mayReturn: mayReturn)))
        case .failure(let error):
            if case .staleEpoch = error { self.mark("old leader refused") }
            self.send(.toCoordinator(number, .deposed(epoch)))
        case nil: break
        }
    }

    /// The planted mistake: a clock decides that a silent unit has sold no more than it reported.
    private func expireLeases() {
        let now = self.now
        let heard = self.center.heardAt
        self.withAuthority { authority, records in
            for unit in authority.book.units.keys.sorted() {
                guard let at = heard[unit], now.milliseconds(since: at) > 800 else { continue }
                guard let generation = authority.book.units[unit]?.generation else { continue }
                try? authority.strand(unit, reason: "a lease ended", into: &records)
                for lot in authority.book.lots.keys.sorted() {
                    let account = authority.book.account(lot, unit, generation)
                    guard account.isStranded else { continue }
                    let sold = authority.counters[unit]?[lot]?.live ?? 0
                    try? authority.settle(
                        lot, unit, generation, sold: min(sold, account.outstanding), into: &records)
                }
            }
        }
    }

    /// Mistakes of a coordinator, planted on purpose.
    private func planted(_ batch: ContestBatch, _ lot: LotID, _ authority: QuotaAuthority) -> ContestBatch {
        var (frontier, allocated) = (batch.frontier, batch.allocated)
        switch self.plant {
        case .frontierNotLogged: frontier = .zero
        case .waitlistOvertaken:
            // The newest order gets the returned stock, and the first one in line gets none.
            if let last = batch.passed.last, let line = authority.book.lots[lot]?.contest?.line, !line.isEmpty,
                allocated.count == 1, last.quantity == 1, !allocated.contains(last.order)
            {
                allocated = [last.order]
            }
        case .releasesTooEarly:
            let line = authority.book.lots[lot]?.contest?.line.map(\.order) ?? []
            return ContestBatch(
                number: batch.number, at: batch.at, frontier: batch.frontier, passed: batch.passed,
                allocated: batch.allocated,
                released: batch.released
                    + line.filter { !batch.allocated.contains($0) && !batch.released.contains($0) },
                waited: batch.waited)
        default: return batch
        }
        return ContestBatch(
            number: batch.number, at: batch.at, frontier: frontier, passed: batch.passed, allocated: allocated,
            released: batch.released.filter { !allocated.contains($0) }, waited: batch.waited)
    }
}
