import TrancheCore

/// A coordinator's process. It owns nothing that survives it.
struct SimulatedCoordinator {
    let number: Int
    var epoch = Epoch(0)
    var rebalancer = Rebalancer()
    var merges: [LotID: ContestMerge] = [:]
    /// When each batch was sent, to give up on answers that do not come.
    var committedAt: [LotID: Instant] = [:]
    var pausedUntil = Instant.distantPast
    var url: String { "coordinator-\(self.number)" }
}

/// What a coordinator asks of the center.
enum CoordinatorCall {
    case lead
    case poll(Epoch)
    case decisions([Rebalancer.Decision], Epoch)
    case contest(LotID, ContestBatch, Epoch)
}

/// What the center answers.
enum CenterWord {
    struct Lot {
        let lot: LotID
        let issued: Int
        let pool: Int
        let left: Int
        let samples: [Rebalancer.Sample]
        let stock: ContestMerge.Stock
        let terms: ContestTerms?
    }
    case leading(Epoch, [LotID: ContestBook])
    case quota(Epoch, [Lot])
    case committed(Epoch, LotID, number: UInt64, pool: Int, mayReturn: Int)
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

    /// A coordinator loses everything it knows.
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
        case .contest(let lot, let batch, let epoch): self.contest(number, lot, batch, epoch)
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
        self.send(.toCoordinator(number, .leading(epoch, authority.book.lots.compactMapValues(\.contest))))
        for unit in self.units.keys.sorted() { self.push(to: unit) }
    }

    private func poll(_ number: Int, _ epoch: Epoch) {
        let address = CoordinatorAddress(epoch: epoch, url: self.coordinators[number].url)
        guard self.center.authority != nil else { return }
        guard self.center.authority!.hear(coordinator: address, now: self.now) else {
            return self.send(.toCoordinator(number, .deposed(epoch)))
        }
        let authority = self.center.authority!
        // The sale ends a while before the world does, so that everybody can be told.
        let isClosed = self.now >= self.start.advanced(milliseconds: self.settings.endAtMilliseconds - 4_000)
        let lots = authority.book.lots.keys.sorted().map { lot in
            CenterWord.Lot(
                lot: lot, issued: authority.book.lots[lot]!.issued, pool: authority.book.lots[lot]!.pool,
                left: authority.book.units.keys.reduce(authority.book.lots[lot]!.pool) {
                    $0 + max(0, authority.available(lot, $1))
                }, samples: authority.samples(lot, now: self.now),
                stock: authority.contestStock(lot, isClosed: isClosed, now: self.now),
                terms: authority.book.lots[lot]!.contest?.terms)
        }
        self.send(.toCoordinator(number, .quota(epoch, lots)))
    }

    private func contest(_ number: Int, _ lot: LotID, _ batch: ContestBatch, _ epoch: Epoch) {
        let result = self.withAuthority { authority, records in
            Result { () throws(AuthorityError) in
                try authority.contest(lot, self.planted(batch, lot, authority), by: epoch, into: &records)
            }
        }
        switch result {
        case .success(let (pool, mayReturn)):
            self.send(
                .toCoordinator(
                    number, .committed(epoch, lot, number: batch.number, pool: pool, mayReturn: mayReturn)))
        case .failure(let error):
            if case .staleEpoch = error { self.mark("old leader refused") }
            self.send(.toCoordinator(number, .deposed(epoch)))
        case nil: break
        }
    }

    // MARK: at the coordinator

    func hear(coordinator number: Int, _ word: CenterWord) {
        guard self.coordinators[number].pausedUntil <= self.now else {
            // It hears when it wakes up.
            return self.queue.push(
                .message(.toCoordinator(number, word)), at: self.coordinators[number].pausedUntil)
        }
        switch word {
        case .leading(let epoch, let books):
            guard epoch > self.coordinators[number].epoch else { return }
            self.resetCoordinator(number)
            self.coordinators[number].epoch = epoch
            for (lot, book) in books { self.begin(number, lot, book) }
        case .quota(let epoch, let lots):
            guard epoch == self.coordinators[number].epoch else { return }
            for lot in lots { self.heard(number, lot) }
        case .committed(let epoch, let lot, let batch, let pool, let mayReturn):
            guard epoch == self.coordinators[number].epoch else { return }
            self.coordinators[number].merges[lot]?.committed(batch, pool: pool, mayReturn: mayReturn)
        case .deposed(let epoch):
            guard epoch == self.coordinators[number].epoch else { return }
            self.mark("coordinator fenced")
            self.resetCoordinator(number)
        }
    }

    private func begin(_ number: Int, _ lot: LotID, _ book: ContestBook) {
        let isRegion = self.plant == .regionAsTieKey
        self.coordinators[number].merges[lot] = ContestMerge(
            lot: lot, book: book, now: self.now, tie: { isRegion ? $0.low & 0xff : Self.tieKey($0) })
        if self.coordinators[number].merges.count == 1 {
            self.schedule(
                .contestTick(number, self.coordinators[number].epoch), afterMicroseconds: Self.contestEveryMicroseconds)
        }
    }

    /// In place of the HMAC with the sale's secret.
    static func tieKey(_ order: OrderID) -> UInt64 {
        var digest = Digest(start: 0x5ec2e7)
        digest.mix(order.high)
        digest.mix(order.low)
        return digest.value
    }

    private func heard(_ number: Int, _ lot: CenterWord.Lot) {
        if let terms = lot.terms {
            if self.coordinators[number].merges[lot.lot] == nil {
                // It was contended in this reign, so there is nothing in the log that this coordinator did not write.
                guard lot.stock.batches == 0 else { return self.resetCoordinator(number) }
                self.begin(number, lot.lot, ContestBook(terms: terms))
            }
            self.coordinators[number].merges[lot.lot]!.observe(lot.stock)
            return
        }
        let isScarce = self.coordinators[number].rebalancer.isScarce(
            lot.lot, issued: lot.issued, left: lot.left, samples: lot.samples, start: self.contestStart)
        var decisions: [Rebalancer.Decision] = isScarce ? [.contend(lot.lot, self.contestTerms)] : []
        if !isScarce {
            decisions = self.coordinators[number].rebalancer.decide(
                lot.lot, pool: lot.pool, samples: lot.samples, now: self.now)
        }
        if !decisions.isEmpty {
            self.send(.fromCoordinator(number, .decisions(decisions, self.coordinators[number].epoch)))
        }
    }

    func contestTick(_ number: Int, _ epoch: Epoch) {
        guard self.coordinators[number].epoch == epoch else { return }
        let pause = self.coordinators[number].pausedUntil
        guard pause <= self.now else { return self.queue.push(.contestTick(number, epoch), at: pause) }
        self.schedule(.contestTick(number, epoch), afterMicroseconds: Self.contestEveryMicroseconds)
        for lot in self.coordinators[number].merges.keys.sorted() {
            let sentAt = self.coordinators[number].committedAt[lot] ?? .distantPast
            if self.coordinators[number].merges[lot]!.pending != nil, self.now.milliseconds(since: sentAt) > 600 {
                self.mark("batch without an answer")
                return self.resetCoordinator(number)
            }
            guard let batch = self.coordinators[number].merges[lot]!.decide(now: self.now) else { continue }
            self.coordinators[number].committedAt[lot] = self.now
            self.send(.fromCoordinator(number, .contest(lot, batch, epoch)))
        }
    }

    /// Mistakes of a coordinator, planted on purpose.
    private func planted(_ batch: ContestBatch, _ lot: LotID, _ authority: QuotaAuthority) -> ContestBatch {
        var (frontier, allocated) = (batch.frontier, batch.allocated)
        switch self.plant {
        case .frontierNotLogged: frontier = .zero
        case .waitlistOvertaken:
            // The newest gets what came back, and the first in line stays where they are.
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

    // MARK: units and coordinators

    func contestReported(_ unit: UnitID, _ session: UInt64, _ report: ContestReport, _ sentAt: Instant) {
        guard let number = self.coordinators.firstIndex(where: { $0.epoch == report.epoch }) else { return }
        let pause = self.coordinators[number].pausedUntil
        guard pause <= self.now else {
            return self.queue.push(.message(.contestReport(unit, session: session, report, sentAt: sentAt)), at: pause)
        }
        var lots: [ContestReply.Lot] = []
        for lot in report.lots {
            guard self.coordinators[number].merges[lot.lot] != nil else {
                lots.append(ContestReply.notTaken(lot.lot))
                continue
            }
            let before = self.coordinators[number].merges[lot.lot]!.lateCount
            self.coordinators[number].merges[lot.lot]!.receive(
                lot, from: unit, generation: report.generation, isTrusted: report.isTrusted, now: self.now)
            if self.coordinators[number].merges[lot.lot]!.lateCount > before { self.mark("late lane") }
            lots.append(
                self.coordinators[number].merges[lot.lot]!.reply(
                    to: unit, generation: report.generation, heard: lot.heard, now: self.now))
        }
        self.send(
            .contestReply(
                unit, session: session, ContestReply(epoch: report.epoch, generation: report.generation, lots: lots),
                sentAt: sentAt,
                received: self.now))
    }

    func contestReplied(
        _ unit: UnitID, _ session: UInt64, _ reply: ContestReply, sentAt: Instant, received: Instant
    ) {
        guard let process = self.process(unit, session) else { return }
        process.clockCheck.observe(
            .init(sent: sentAt, received: received, answered: received, heard: self.clock(of: unit)))
        if process.clockCheck.state == .untrusted { self.mark("clock falsified") }
        self.run(unit, process, .exchanged(reply))
    }

    /// Takes everything that waits at a unit's door, with the watermark that was read under the same lock.
    func takeIn(_ id: UnitID, _ process: UnitProcess) {
        let requests = process.intake
        process.intake = []
        let watermark = process.clock.watermark(now: self.clock(of: id))
        if !requests.isEmpty { self.run(id, process, .requests(requests)) }
        self.run(id, process, .handedIn(upTo: watermark))
    }

    func exchangeTick(_ id: UnitID, _ session: UInt64) {
        guard let process = self.process(id, session) else { return }
        self.schedule(.exchangeTick(id, session: session), afterMicroseconds: Self.contestEveryMicroseconds)
        guard let pause = process.machine.exchangeMilliseconds, process.exchangeAt <= self.now else { return }
        process.exchangeAt = self.now.advanced(milliseconds: min(pause, 500))
        process.clockCheck.observe(kernel: nil, wall: self.clock(of: id), monotonic: self.now)
        if self.plant == .watermarkOutsideTheLock {
            self.run(id, process, .handedIn(upTo: process.clock.watermark(now: self.clock(of: id))))
        } else {
            self.takeIn(id, process)
        }
        self.run(id, process, .exchangeDue)
    }
}
