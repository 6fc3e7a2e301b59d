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
        case .steps(let call):
            answer = .lots(call.lotResults(self.units[known: id].redis.data.handle(call)))
        case .prime(let prime):
            let run = self.units[known: id].redis.run
            let result = self.units[known: id].redis.data.handle(prime, run: run)
            answer = .lots([LotResult(lot: prime.lot, fence: prime.fence, result: result)])
        case .survey:
            let redis = self.units[known: id].redis
            var survey = redis.data.survey(run: redis.run)
            survey.proof = self.process(id, session).flatMap { process in
                survey.witness.flatMap { self.ledger(of: id, process).head(at: $0.position) }
            }
            answer = .survey(survey)
        }
        self.answer(id, session, cut ? self.failure(of: work) : answer, after: self.random.number(50...400))
    }

    private func answer(_ id: UnitID, _ session: UInt64, _ answer: RedisAnswer, after delay: Int) {
        self.schedule(.redisAnswer(id, session: session, answer), afterMicroseconds: delay)
    }

    private func failure(of work: RedisWork) -> RedisAnswer {
        switch work {
        case .steps(let call): .lots(call.lotResults(.unreachable))
        case .prime(let prime): .lots([LotResult(lot: prime.lot, fence: prime.fence, result: .unreachable)])
        case .survey: .survey(nil)
        }
    }

    func redisAnswered(_ id: UnitID, _ session: UInt64, _ answer: RedisAnswer) {
        guard let process = self.process(id, session) else { return }
        switch answer {
        case .lots(let results):
            for one in results {
                if one.result == .lost { self.mark("Redis found lost") }
                if one.result == .superseded { self.mark("step refused by a newer fence") }
            }
            let believed = results.map {
                LotResult(lot: $0.lot, fence: $0.fence, result: self.believed($0.result))
            }
            self.run(id, process, .redisResults(believed))
        case .survey(let survey): self.run(id, process, .surveyed(survey))
        }
    }

    /// The planted mistake: a step without an answer counts as done.
    private func believed(_ result: RedisResult) -> RedisResult {
        guard self.plant == .lostStepIgnored, result == .lost || result == .unreachable else { return result }
        return .stepped
    }
}
