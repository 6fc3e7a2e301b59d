import Testing
import TrancheAPI
import TrancheCore

/// Tickets that a buyer has no right to, in great number.
@Suite("Forged and shared tickets") struct GateForgeryTests {
    enum Forgery: CaseIterable {
        case invented, changed, spliced, shared, ofAnotherLot, byAnotherSecret, ofAnotherKind
    }

    let tickets = EntryTicketCodec(GateSample.keys)
    let others = EntryTicketCodec(GateSample.otherKeys)
    let sessions = SessionCodec(GateSample.keys)

    private func forged(_ kind: Forgery, _ random: inout TestRandom) -> String {
        let name = "buyer-\(random.next() % 100_000)"
        let ticket = EntryTicket(
            lot: LotID(kind == .ofAnotherLot ? 8 : 7), buyer: kind == .shared ? BuyerID(name)! : GateSample.buyer,
            rank: EntryRank(rawValue: random.next()), arrivedAt: GateSample.now)
        let sealed = self.tickets.seal(ticket)
        switch kind {
        case .shared, .ofAnotherLot: return sealed
        case .byAnotherSecret: return self.others.seal(ticket)
        case .ofAnotherKind: return self.sessions.seal(GateSample.session())
        case .invented, .changed, .spliced:
            var bytes = Base64URL.decode(sealed.utf8)!
            if kind == .invented {
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            } else if kind == .changed {
                // Neighbours, so that no change undoes another one.
                let first = Int(random.next() % UInt64(bytes.count))
                for step in 0...Int(random.next() % 3) {
                    bytes[(first + step) % bytes.count] ^= UInt8(1 + random.next() % 255)
                }
            } else {
                let other = Base64URL.decode(self.tickets.seal(GateSample.ticket(name)).utf8)!
                bytes.replaceSubrange((bytes.count - 32)..., with: other.suffix(32))
            }
            return Base64URL.encode(bytes)
        }
    }

    @Test("of a million tickets that are forged, spliced, or shared, none is accepted") func million() throws {
        var random = TestRandom(41)
        var (accepted, refused) = (0, [Forgery: Int]())
        for number in 0..<1_000_000 {
            let kind = Forgery.allCases[number % Forgery.allCases.count]
            do {
                _ = try self.tickets.open(self.forged(kind, &random).utf8, lot: LotID(7), buyer: GateSample.buyer)
                accepted += 1
            } catch { refused[kind, default: 0] += 1 }
        }
        #expect(accepted == 0)
        #expect(refused.count == Forgery.allCases.count && refused.values.allSatisfy { $0 > 140_000 }, "\(refused)")
        let good = self.tickets.seal(GateSample.ticket())
        #expect(try self.tickets.open(good.utf8, lot: LotID(7), buyer: GateSample.buyer) == GateSample.ticket())
    }
}
