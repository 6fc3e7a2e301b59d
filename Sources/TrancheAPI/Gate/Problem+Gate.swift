package import TrancheCore

extension Problem {
    /// The only mapping from the refusals of gates to HTTP.
    package init(_ refusal: GateRefusal) {
        let (status, detail) = Self.answer(refusal)
        let retryAfter: Int? =
            switch refusal {
            case .notStarted: 1
            case .paused: 5
            default: refusal.retryAfterMilliseconds.map { RetryAfter.seconds(milliseconds: $0) }
            }
        self.init(status: status, code: refusal.code, detail: detail, retryAfter: retryAfter)
    }

    private static func answer(_ refusal: GateRefusal) -> (status: Int, detail: String) {
        switch refusal {
        case .badIdentity(let reason): (401, reason)
        case .badTicket(let reason): (401, reason)
        case .notAdmitted: (403, "it is not your turn yet: compare your rank with the threshold in status.json")
        case .notEligible(let rule): (403, "the sale is not open to you: rule \"\(rule)\"")
        case .blocked(let until?):
            (403, "too many answers came faster than a person can give them; ask again after \(JSON.text(until))")
        case .blocked(nil): (403, "the sale is not open to you")
        case .notStarted(let opensAt): (403, "the sale opens at \(JSON.text(opensAt))")
        case .paused: (503, "the sale is paused")
        case .ended: (403, "the sale has ended")
        case .entryClosed(let openedAt):
            (403, "buyers could enter until the opening at \(JSON.text(openedAt)); there is no line after it")
        case .challengeRequired: (409, "the answer to a challenge is missing: get one with POST .../challenge")
        case .challengeFailed: (409, "the answer to the challenge is wrong: get another one with POST .../challenge")
        case .challengeSpent:
            (409, "the answer to this challenge was used before: get another one with POST .../challenge")
        case .tooEarly(let wait):
            (403, "the challenge is to wait: its answer counts in \(wait) ms, and nothing was spent")
        case .tooEasy(let level):
            (409, "earlier answers came too fast: answer the new challenge, of level \(level)")
        case .tooFast(let level):
            (403, "the answer came faster than a person can give it: answer the new challenge, of level \(level)")
        case .soldOut: (410, "nothing is left")
        case .rateLimited(let wait): (429, "too many requests: the next one is admitted in \(wait) ms")
        case .sessionLimited(let wait):
            (429, "too many requests in this session: the next one is admitted in \(wait) ms (perSessionPerMinute)")
        case .overloaded: (503, "the gate admits fewer requests at the moment")
        case .recovering: (503, "the gate is starting, or has lost a part that it needs")
        }
    }

    /// The refusal of a session.
    package init(session error: SealError) { self.init(.badIdentity("the session \(error.reason)")) }

    /// The refusal of an entry ticket.
    package init(ticket error: SealError) { self.init(.badTicket("the entry ticket \(error.reason)")) }

    package init(_ error: ChallengeError) {
        let why =
            switch error {
            case .forged: "the challenge's signature is wrong"
            case .expired(let at): "the challenge expired at \(JSON.text(at))"
            case .wrongSession: "the challenge was made for another session"
            case .wrongLot(let lot, let expected): "the challenge is for lot \(lot), not for lot \(expected)"
            case .wrongKind(let kind, let expected):
                "the challenge has kind \(kind.rawValue), not \(expected.rawValue)"
            case .unsolved: "the answer is not the one that the challenge asks for"
            }
        self.init(status: 409, code: GateRefusal.challengeFailed.code, detail: why)
    }

    /// Writes the problem with another member, `challenge`: what to answer now.
    package func write(with challenge: OfferedChallenge, into bytes: inout [UInt8]) {
        bytes.write("{\"challenge\":")
        challenge.write(into: &bytes)
        let start = bytes.count
        self.encode(into: &bytes)
        bytes[start] = UInt8(ascii: ",")  // Instead of the brace that opens the problem.
    }
}

extension SealError {
    fileprivate var reason: String {
        switch self {
        case .missing: "is missing"
        case .malformed(let reason): "is malformed: \(reason)"
        case .forged: "has a wrong signature"
        case .expired(let at): "expired at \(JSON.text(at))"
        case .wrongLot(let lot, let expected): "is for lot \(lot), not for lot \(expected)"
        case .wrongBuyer: "belongs to another buyer"
        }
    }
}
