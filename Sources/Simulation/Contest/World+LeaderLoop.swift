import TrancheCore

// A coordinator's handling of the center's answers, and its rounds.

extension World {
    func hear(coordinator number: Int, _ word: CenterWord) {
        guard self.coordinators[number].pausedUntil <= self.now else {
            // It receives this when it wakes up.
            return self.queue.push(
                .message(.toCoordinator(number, word)), at: self.coordinators[number].pausedUntil)
        }
        switch word {
        case .leading(let epoch, let contests):
            guard epoch > self.coordinators[number].epoch else { return }
            self.resetCoordinator(number)
            self.coordinators[number].epoch = epoch
            for (lot, pages) in contests { self.begin(number, lot, self.read(lot, pages, epoch)) }
        case .quota(let epoch, let lots):
            guard epoch == self.coordinators[number].epoch else { return }
            for lot in lots { self.heard(number, lot) }
        case .committed(let epoch, let lot, let batch, let pool, let coming, let mayReturn):
            guard epoch == self.coordinators[number].epoch else { return }
            self.coordinators[number].merges[lot]?.committed(
                batch, pool: pool, coming: coming, mayReturn: mayReturn)
        case .deposed(let epoch):
            guard epoch == self.coordinators[number].epoch else { return }
            self.mark("coordinator fenced")
            self.resetCoordinator(number)
        }
    }

    private func read(_ lot: LotID, _ pages: [ContestPage], _ epoch: Epoch) -> ContestBook {
        var reading = ContestReading(lot, for: epoch)
        for page in pages {
            do throws(ContestPageError) { try reading.take(page) } catch {
                preconditionFailure("the center's page of lot \(lot) does not fit: \(error)")
            }
        }
        guard let book = reading.finished else { preconditionFailure("the pages of lot \(lot) have an end") }
        return book
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

    private func heard(_ number: Int, _ word: CenterWord.Lot) {
        let lot = word.stock.lot
        if let terms = word.terms {
            if self.coordinators[number].merges[lot] == nil {
                // The lot was contended under this leader, so this leader wrote all its batches in the log.
                guard word.contest.batches == 0 else { return self.resetCoordinator(number) }
                self.begin(number, lot, ContestBook(terms: terms))
            }
            self.coordinators[number].merges[known: lot].observe(word.contest)
            return
        }
        let decisions = self.coordinators[number].rebalancer.round(word.stock, now: self.now)
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
            if self.coordinators[number].merges[known: lot].pending != nil, self.now.milliseconds(since: sentAt) > 600 {
                self.mark("batch without an answer")
                return self.resetCoordinator(number)
            }
            guard let batch = self.coordinators[number].merges[known: lot].decide(now: self.now) else { continue }
            self.coordinators[number].committedAt[lot] = self.now
            self.send(.fromCoordinator(number, .contest(lot, batch, epoch)))
        }
    }
}
