import TrancheCore

// A unit's calls to its Redis: they take time, are lost with the connection, or arrive late.

extension World {
    func call(_ id: UnitID, _ process: UnitProcess, _ work: RedisWork) {
        self.schedule(.redis(id, session: process.session, work), afterMicroseconds: self.random.number(50...400))
    }

    func redis(_ id: UnitID, _ session: UInt64, _ work: RedisWork) {
        // The call was sent: Redis carries it out even if the process has died.
        if self.units[known: id].redisIsDown { return self.answer(id, session, self.failure(of: work), after: 1_000) }
        let cut = self.random.happens(permille: self.profile.crashPermille)
        if cut { self.mark("connection to Redis cut") }
        if cut, self.random.happens(permille: 500) {
            return self.answer(id, session, self.failure(of: work), after: 1_000)
        }
        let answer: RedisAnswer
        switch work {
        case .call(let call):
            let trusted = self.plant == .redisTrusted
            answer = .lot(call.lot, fence: call.fence, self.units[known: id].redis.handle(call, trusted: trusted))
            if trusted { self.believe(id, session, call, answer) }
        case .prime(let prime):
            answer = .lot(prime.lot, fence: prime.fence, self.units[known: id].redis.handle(prime))
        case .survey:
            let redis = self.units[known: id].redis
            let proof = redis.witness.flatMap { self.units[known: id].ledger.head(at: $0.position) }
            answer = .survey(
                RedisSurvey(
                    ledger: redis.ledger, witness: redis.witness, proof: proof, admitted: redis.admitted,
                    newestFence: redis.lots.values.map(\.fence).max() ?? 0,
                    run: redis.run))
        }
        self.answer(id, session, cut ? self.failure(of: work) : answer, after: self.random.number(50...400))
    }

    private func answer(_ id: UnitID, _ session: UInt64, _ answer: RedisAnswer, after delay: Int) {
        self.schedule(.redisAnswer(id, session: session, answer), afterMicroseconds: delay)
    }

    private func failure(of work: RedisWork) -> RedisAnswer {
        switch work {
        case .call(let call): .lot(call.lot, fence: call.fence, .unreachable)
        case .prime(let prime): .lot(prime.lot, fence: prime.fence, .unreachable)
        case .survey: .survey(nil)
        }
    }

    func redisAnswered(_ id: UnitID, _ session: UInt64, _ answer: RedisAnswer) {
        guard let process = self.process(id, session) else { return }
        switch answer {
        case .lot(let lot, let fence, let result):
            if result == .lost { self.mark("Redis found lost") }
            self.run(id, process, .lotResult(lot: lot, fence: fence, result))
        case .survey(let survey): self.run(id, process, .surveyed(survey))
        }
    }

    /// The planted fault: buyers get the verdict of Redis, before the ledger has it.
    private func believe(_ id: UnitID, _ session: UInt64, _ call: LotCall, _ answer: RedisAnswer) {
        guard case .lot(_, _, .decided(let verdicts, _, _, _)) = answer, let process = self.process(id, session) else {
            return
        }
        for (request, verdict) in zip(call.requests, verdicts) where verdict == .admitted {
            let order = Order(
                id: request.order, buyer: request.buyer, lot: request.lot, quantity: Int(request.quantity),
                buyerLimit: call.buyerLimit, generation: process.machine.book.generation, stamp: request.stamp,
                deadline: self.now.advanced(milliseconds: self.settings.paymentWindowMilliseconds))
            self.tell(id, process, request, .order(order))
        }
    }
}
