import DaemonSupport
import TrancheAPI
import TrancheCore

// A replayer has a genuine session, and what other buyers have used. Each request has one part that belongs to another
// buyer, or has expired.
extension OddVisit {
    private static let hourMilliseconds: Int64 = 3_600_000

    func actAsReplayer() async {
        for _ in 0..<Self.rounds where !self.isOver {
            let session = await self.door.session(for: self.log)
            let entry = await self.call("entry", session)?.entry
            if entry != nil { self.log.reach(.line) }
            await self.replayExpired(session, ticket: entry?.ticket)
            if let piece = self.crowd.loot.piece(not: self.log.buyer) {
                await self.replay(piece, session, ticket: entry?.ticket)
            }
            await self.rest()
        }
    }

    private func replay(_ piece: Loot.Piece, _ session: String?, ticket: String?) async {
        // Another buyer's ticket or answer with this buyer's session, and the other way round.
        if let other = piece.ticket { await self.tryToken(session, ticket: other) }
        if let answer = piece.answer { await self.tryToken(session, ticket: ticket, answer: answer) }
        if let ticket { await self.tryToken(piece.session, ticket: ticket) }
        // All of it together is the other buyer's way: it leads to the order that this buyer has, and to no other one.
        await self.tryToken(piece.session, ticket: piece.ticket, answer: piece.answer)
        await self.show(piece.token, at: piece.unit)
        // A unit that is not the home of the token.
        await self.show(piece.token, at: (piece.unit + 1) % self.crowd.target.units.count)
    }

    /// What was good an hour ago, made with the installation's own keys.
    private func replayExpired(_ session: String?, ticket: String?) async {
        guard let buyer = BuyerID(self.arrival.buyer) else { return }
        let keys = GateKeys(secret: self.crowd.target.gateKey)
        let now = SystemClock.now()
        let then = now.advanced(milliseconds: -2 * Self.hourMilliseconds)
        let over = Session(
            id: UInt64.random(in: 1...UInt64.max), claims: GateClaims(buyer: buyer, region: self.door.gate.name),
            issuedAt: then, expiresAt: then.advanced(milliseconds: Self.hourMilliseconds))
        await self.tryToken(SessionCodec(keys).seal(over), ticket: ticket)
        var random = SystemRandomNumberGenerator()
        let challenge = ChallengeCodec(keys).make(
            session: over.id, lot: self.crowd.target.lot, work: ChallengeWork(cost: 1), now: then, using: &random)
        if let answer = ChallengeSolver.solve(challenge) {
            await self.tryToken(session, ticket: ticket, answer: answer)
        }
        let token = self.crowd.mint(self.arrival, lifeMilliseconds: -Self.hourMilliseconds).text
        await self.show(token, at: self.arrival.unit)
    }
}
