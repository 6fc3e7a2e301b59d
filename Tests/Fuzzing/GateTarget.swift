import Crypto
import TrancheAPI
import TrancheCore

/// Sessions, entry tickets, and requests for tokens: what any client can send to a gate.
enum GateTarget {
    static let secret = String(repeating: "s", count: 32)
    static let keys = GateKeys(secret: secret)
    static let sessions = SessionCodec(keys)
    static let tickets = EntryTicketCodec(keys)
    static let challenges = ChallengeCodec(keys)
    static let sealed = SealedChallengeCodec(keys)
    static let now = Instant(milliseconds: 1_700_000_000_000)
    static let buyer = BuyerID("buyer")!

    static func run(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch kind % 5 {
        case 0: self.open(session: rest)
        case 1: self.open(ticket: rest)
        // Any content with our signature: the checks behind the signature must hold, too.
        case 2: self.open(session: self.signed(rest, "session"))
        case 3: self.open(ticket: self.signed(rest, "ticket"))
        default: self.read(rest)
        }
    }

    private static func signed(_ content: [UInt8], _ purpose: String) -> [UInt8] {
        let secret = SymmetricKey(data: Array(self.secret.utf8))
        let key = HMAC<SHA256>.authenticationCode(for: Array("tranche gate \(purpose)".utf8), using: secret)
        let mac = HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: Array(key)))
        return Array(Base64URL.encode(content + Array(mac)).utf8)
    }

    private static func open(session text: [UInt8]) {
        guard let session = try? self.sessions.open(text, now: self.now) else { return }
        precondition(session.expiresAt > self.now, "a session is open after its end")
        let again = try? self.sessions.open(self.sessions.seal(session).utf8, now: self.now)
        precondition(again?.buyer == session.buyer && again?.id == session.id, "a session does not come back")
    }

    private static func open(ticket text: [UInt8]) {
        guard let ticket = try? self.tickets.open(text, lot: LotID(1), buyer: self.buyer) else { return }
        precondition(ticket.lot == LotID(1) && ticket.buyer == self.buyer, "a ticket of another lot or buyer")
        precondition(Array(self.tickets.seal(ticket).utf8) == text, "a ticket has two forms")
    }

    /// The quick reader and the ordinary decoder must agree about what they both accept.
    private static func read(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, let body = try? TokenBody.read(bytes) else { return }
        let ordinary = try? JSON.decode(TokenBody.self, from: bytes)
        precondition(ordinary == body, "two readers of one body differ")
        if let answer = body.answer { _ = try? self.sealed.check(answer, session: 1, lot: LotID(1), now: self.now) }
        guard let solution = body.solution else { return }
        _ = try? self.challenges.check(solution, session: 1, lot: LotID(1), now: self.now)
    }

    static var seeds: [[UInt8]] {
        let session = self.sessions.seal(
            Session(
                id: 1, claims: GateClaims(buyer: self.buyer, level: 2, isMember: true, accountCreatedAt: self.now),
                issuedAt: self.now, expiresAt: self.now.advanced(milliseconds: 1_000)))
        let ticket = self.tickets.seal(
            EntryTicket(lot: LotID(1), buyer: self.buyer, rank: EntryRank(draw: 5), arrivedAt: self.now))
        func content(_ text: String) -> [UInt8] { Array((Base64URL.decode(text.utf8) ?? []).dropLast(32)) }
        var random = SystemRandomNumberGenerator()
        let challenge = self.challenges.make(
            session: 1, lot: LotID(1), work: ChallengeWork(cost: 1), now: self.now, using: &random)
        let answer = ChallengeSolver.solve(challenge)
        let question = self.sealed.makeQuestion(
            session: 1, lot: LotID(1), level: 0, now: self.now, using: &random)
        let sealed = SealedAnswer(challenge: question.challenge, text: "17")
        return [
            [4] + JSON.encode(TokenBody(ticket: ticket, answer: sealed)), [0] + Array(session.utf8),
            [1] + Array(ticket.utf8), [2] + content(session), [3] + content(ticket),
            [4] + JSON.encode(TokenBody(ticket: ticket, solution: answer)), [4] + Array("{}".utf8),
        ]
    }
}
