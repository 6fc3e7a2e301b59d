import TrancheAPI
import TrancheCore

// A forger has a genuine session, and knows how everything looks. Each request has one part that no gate made.
extension OddVisit {
    /// The lengths of a session, of a ticket and of a token, in bytes, with a short name in it.
    private static let lengths = (session: 95, ticket: 75, token: 100)

    func actAsForger() async {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<Self.rounds where !self.isOver {
            let session = await self.door.session(for: self.log)
            let entry = await self.call("entry", session)?.entry
            if entry != nil { self.log.reach(.line) }
            await self.forgeSessions(session, ticket: entry?.ticket, &random)
            await self.forgeTickets(session, entry?.ticket, &random)
            await self.forgeAnswers(session, ticket: entry?.ticket)
            await self.forgeTokens(&random)
            await self.rest()
        }
    }

    private func forgeSessions(
        _ session: String?, ticket: String?, _ random: inout SystemRandomNumberGenerator
    ) async {
        let other = self.crowd.loot.piece(not: self.log.buyer)?.session
        let forged = [
            Forgery.invented(bytes: Self.lengths.session, using: &random),
            session.flatMap { Forgery.flipped($0, using: &random) },
            // The other one's name, and the code of a session that is in hand.
            session.flatMap { mine in other.flatMap { Forgery.spliced($0, mine) } },
        ]
        for text in forged.compactMap({ $0 }) where !self.isOver { await self.tryToken(text, ticket: ticket) }
    }

    private func forgeTickets(
        _ session: String?, _ ticket: String?, _ random: inout SystemRandomNumberGenerator
    ) async {
        let other = self.crowd.loot.piece(not: self.log.buyer)?.ticket
        let forged = [
            Forgery.invented(bytes: Self.lengths.ticket, using: &random),
            ticket.flatMap { Forgery.flipped($0, using: &random) },
            ticket.flatMap { mine in other.flatMap { Forgery.spliced(mine, $0) } },
        ]
        for text in forged.compactMap({ $0 }) where !self.isOver { await self.tryToken(session, ticket: text) }
    }

    private func forgeAnswers(_ session: String?, ticket: String?) async {
        guard let challenge = await self.call("challenge", session)?.challenge else { return }
        var forged = [Forgery.guessed(challenge)]
        if let other = self.crowd.loot.piece(not: self.log.buyer)?.answer {
            forged.append(WorkAnswer(challenge: challenge, solution: other.solution))
        }
        if let resigned = Forgery.resigned(challenge) { forged.append(Forgery.guessed(resigned)) }
        for answer in forged where !self.isOver { await self.tryToken(session, ticket: ticket, answer: answer) }
    }

    /// Sent straight to a unit, past every gate.
    private func forgeTokens(_ random: inout SystemRandomNumberGenerator) async {
        let (mine, other) = (self.crowd.mint(self.arrival).text, self.crowd.mint(self.arrival).text)
        let forged = [
            Forgery.invented(bytes: Self.lengths.token, using: &random), Forgery.flipped(mine, using: &random),
            Forgery.spliced(mine, other),
        ]
        for text in forged.compactMap({ $0 }) where !self.isOver { await self.show(text, at: self.arrival.unit) }
    }
}
