import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

// A script: no page, no status, no pauses. It asks with several sessions of one identity, answers challenges as fast as
// a processor can, and takes no notice of `Retry-After`.
extension OddVisit {
    static let scriptSessions = 4
    /// A script spreads its requests over so long a time at most: all at once they would end before its turn.
    static let scriptMilliseconds = 20_000

    /// - Parameter requests: Of all its sessions together.
    func actAsScript(requests: Int) async {
        let left = (self.end - ContinuousClock.now).components
        let milliseconds = min(Self.scriptMilliseconds, Int(left.seconds) * 1_000)
        let each = max(1, requests / Self.scriptSessions)
        let hasBought = NIOLockedValueBox(false)
        await withDiscardingTaskGroup { group in
            for _ in 0..<Self.scriptSessions {
                group.addTask {
                    var worker = ScriptWorker(visit: self, hasBought: hasBought)
                    await worker.run(requests: each, pauseMilliseconds: max(1, milliseconds / each))
                }
            }
        }
    }
}

/// One session of a script.
private struct ScriptWorker {
    let visit: OddVisit
    let hasBought: NIOLockedValueBox<Bool>
    private var session: String?
    private var ticket: String?
    private var triedEntry = false
    private var isBlocked = false

    init(visit: OddVisit, hasBought: NIOLockedValueBox<Bool>) { (self.visit, self.hasBought) = (visit, hasBought) }

    mutating func run(requests: Int, pauseMilliseconds: Int) async {
        for _ in 0..<requests where !self.visit.isOver {
            let next = ContinuousClock.now + .milliseconds(pauseMilliseconds)
            await self.step()
            if ContinuousClock.now < next { try? await Task.sleep(until: next, clock: .continuous) }
        }
    }

    private mutating func step() async {
        guard self.session != nil else {
            self.session = await self.visit.door.session(for: self.visit.log)
            return
        }
        // Without a ticket it tries the entry and the token in turns: it does not read which of them the lot wants.
        if self.ticket == nil, !self.triedEntry {
            self.triedEntry = true
            guard let entry = await self.visit.call("entry", self.session)?.entry else { return }
            self.visit.log.reach(.line)
            self.ticket = entry.ticket
            return
        }
        self.triedEntry = false
        var answer: WorkAnswer?
        // Each answer is sent at once, or thrown away: with a challenge that it kept for a second, a script would be as
        // slow as a person.
        while !self.visit.isOver {
            let body = TokenBody(ticket: self.ticket, solution: answer)
            guard let response = await self.visit.call("token", self.session, body) else { return }
            if let document = response.token { return await self.buy(document) }
            let challenge = await self.challenge(after: response)
            guard let challenge, let solved = ChallengeSolver.solve(challenge) else { return }
            answer = solved
        }
    }

    private mutating func challenge(after response: LoadResponse) async -> Challenge? {
        switch response.refusal {
        case "too_fast", "too_easy": return response.challenge
        case "challenge_required" where !self.isBlocked:
            self.visit.log.reach(.turn)
            return await self.visit.call("challenge", self.session)?.challenge
        case "blocked": self.isBlocked = true
        case "bad_identity": self.session = nil
        default: break
        }
        return nil
    }

    /// Every session gets the same order, so one of them buys, and the others go on asking.
    private func buy(_ document: TokenDocument) async {
        self.visit.log.reach(.turn)
        self.visit.log.reach(.token)
        let isFirst = self.hasBought.withLockedValue { hasBought in
            defer { hasBought = true }
            return !hasBought
        }
        guard isFirst, let unit = self.visit.crowd.unit(at: document.unit) else { return }
        var arrival = self.visit.arrival
        arrival.unit = unit
        let (order, _) = await self.visit.crowd.order(
            &arrival, (document.order, document.token), self.visit.log, intended: .now, end: self.visit.end)
        guard let order, arrival.pays else { return }
        await self.visit.crowd.pay(arrival, order, self.visit.log)
    }
}
