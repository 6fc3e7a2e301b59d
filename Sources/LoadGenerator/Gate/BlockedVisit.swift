import DaemonSupport
import TrancheAPI
import TrancheCore

// A blocked buyer still signs in, and still has what the gates made before the block: a ticket, and a token. The
// generator makes both with the installation's own keys.
extension OddVisit {
    func actAsBlocked() async {
        guard let buyer = BuyerID(self.arrival.buyer) else { return }
        let tickets = EntryTicketCodec(GateKeys(secret: self.crowd.target.gateKey))
        // The best rank of a draw: it is this buyer's turn as soon as it is anybody's.
        let ticket = tickets.seal(
            EntryTicket(
                lot: self.crowd.target.lot, buyer: buyer, rank: EntryRank(draw: 0), arrivedAt: SystemClock.now()))
        for _ in 0..<Self.rounds where !self.isOver {
            let session = await self.door.session(for: self.log)
            if let entry = await self.call("entry", session)?.entry {
                self.log.reach(.line)
                await self.tryToken(session, ticket: entry.ticket)
            }
            let answer = await self.call("challenge", session)?.challenge.flatMap { ChallengeSolver.solve($0) }
            await self.tryToken(session, ticket: ticket, answer: answer)
            await self.tryToken(session, ticket: ticket, again: true)
            await self.show(self.crowd.mint(self.arrival).text, at: self.arrival.unit)
            await self.rest()
        }
    }
}
