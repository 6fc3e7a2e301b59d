import TrancheAPI
import TrancheCore

/// A person's way through a gate to a token: session, entry, the turn, the challenge.
struct GateVisit {
    enum Outcome {
        case token(TokenDocument)
        /// The gate's last word: sold out, blocked, or another refusal that asking again does not change.
        case refused(String)
        case outOfTime
    }

    /// From a challenge to its answer. A person takes this long; a faster answer counts as a program's.
    static let answerMilliseconds = 1_100...2_000

    let door: GateDoor
    let lot: LotID
    let log: VisitorLog
    private var session: String?
    private var ticket: String?
    private var rank: String?
    private var challenge: (task: Challenge, answeredAt: ContinuousClock.Instant)?
    private var answer: WorkAnswer?

    init(_ door: GateDoor, lot: LotID, log: VisitorLog) { (self.door, self.lot, self.log) = (door, lot, log) }

    /// - Parameter isAgain: The last token ended without an order.
    mutating func token(isAgain: Bool, until end: ContinuousClock.Instant) async -> Outcome {
        while ContinuousClock.now < end, !Task.isCancelled {
            guard let status = await self.door.status(), let lot = status.lots.first(where: { $0.id == self.lot })
            else {
                await Pause.between(200...400)
                continue
            }
            if self.session == nil { self.session = await self.door.session(for: self.log) }
            guard self.session != nil else {
                await Pause.between(300...900)
                continue
            }
            if lot.policy.needsEntry, self.ticket == nil {
                if let refusal = await self.enter() { return .refused(refusal) }
                continue
            }
            guard status.phase == .open else {
                if status.phase == .ended { return .refused("ended") }
                await Pause.between(150...350)
                continue
            }
            if lot.band == .gone { return .refused("sold_out") }
            if let rank = self.rank, rank > lot.threshold {
                await Pause.between(200...400)
                continue
            }
            self.log.reach(.turn)
            if status.challenge != .none, self.answer == nil {
                await self.work()
                continue
            }
            if let outcome = await self.ask(isAgain: isAgain) { return outcome }
        }
        return .outOfTime
    }

    /// What the visitor showed on the way to an order.
    func used(token: String, unit: Int) -> Loot.Piece {
        Loot.Piece(
            buyer: self.log.buyer, session: self.session, ticket: self.ticket, answer: self.answer, token: token,
            unit: unit)
    }

    private mutating func enter() async -> String? {
        let path = "/v1/lots/\(self.lot)/entry"
        guard let response = await self.door.call("POST", path, self.session, [], self.log) else {
            await Pause.between(200...600)
            return nil
        }
        if response.status <= 201, let entry = try? JSON.decode(EntryDocument.self, from: response.body.utf8) {
            self.log.reach(.line)
            (self.ticket, self.rank) = (entry.ticket, entry.rank)
            if let challenge = entry.challenge { self.take(challenge) }
            return nil
        }
        return await self.settle(response)
    }

    private mutating func take(_ challenge: Challenge) {
        self.answer = nil
        self.challenge = (challenge, .now + .milliseconds(Int.random(in: Self.answerMilliseconds)))
    }

    /// Gets a challenge, or answers the one in hand.
    ///
    /// A browser works while it waits in the line. The generator works for thousands of browsers, so it begins when the
    /// turn has come: it saves the work of those whose turn never comes.
    private mutating func work() async {
        guard let (task, answeredAt) = self.challenge else {
            let path = "/v1/lots/\(self.lot)/challenge"
            guard
                let response = await self.door.call(
                    "POST", path, self.session, JSON.encode(ChallengeBody(kind: .work)), self.log)
            else {
                return await Pause.between(300...900)
            }
            if response.status == 201, let document = try? JSON.decode(ChallengeDocument.self, from: response.body.utf8)
            {
                self.take(document.challenge)
            } else {
                _ = await self.settle(response)
            }
            return
        }
        self.challenge = nil
        self.answer = ChallengeSolver.solve(task)
        if ContinuousClock.now < answeredAt { try? await Task.sleep(until: answeredAt, clock: .continuous) }
    }

    private mutating func ask(isAgain: Bool) async -> Outcome? {
        let body = JSON.encode(TokenBody(ticket: self.ticket, solution: self.answer))
        let path = "/v1/lots/\(self.lot)/token" + (isAgain ? "/again" : "")
        let (door, session, log) = (self.door, self.session, self.log)
        // Not for another token: the second of two such requests may find that the first one's token has ended.
        let clicksTwice = log.kind == .doubleClicker && !isAgain
        let second = clicksTwice ? Task { await door.call("POST", path, session, body, log) } : nil
        let answer = await door.call("POST", path, session, body, log)
        let other = Self.document(of: await second?.value)
        guard let response = answer else {
            await Pause.between(200...600)
            return nil
        }
        if let document = Self.document(of: response) {
            log.reach(.token)
            if let other { log.clickedTwice(document.order, other.order) }
            return .token(document)
        }
        return await self.settle(response).map { .refused($0) }
    }

    private static func document(of response: LoadResponse?) -> TokenDocument? {
        guard let response, response.status == 201 else { return nil }
        return try? JSON.decode(TokenDocument.self, from: response.body.utf8)
    }

    /// Waits as long as the answer asks for, or returns the code of a last word.
    private mutating func settle(_ response: LoadResponse) async -> String? {
        let code = response.refusal ?? "\(response.status)"
        switch code {
        case "challenge_required", "challenge_spent", "challenge_failed", "too_fast", "too_easy": self.answer = nil
        case "bad_identity": self.session = nil
        case "not_admitted", "not_started", "rate_limited", "session_limited", "overloaded", "recovering", "paused":
            break
        default: return code
        }
        let seconds = response.retryAfterSeconds ?? 1
        await Pause.between(seconds * 500...seconds * 1_000)
        return nil
    }
}

enum Pause {
    static func between(_ milliseconds: ClosedRange<Int>) async {
        try? await Task.sleep(for: .milliseconds(Int.random(in: milliseconds)))
    }
}
