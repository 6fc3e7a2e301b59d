import Testing
import TrancheAPI
import TrancheCore

@Suite("Sessions and entry tickets") struct GateSealTests {
    let sessions = SessionCodec(GateSample.keys)
    let tickets = EntryTicketCodec(GateSample.keys)

    @Test(
        "a session comes back as it was made",
        arguments: ["a", "buyer-000123", String(repeating: "x", count: 64), "A Z~"])
    func sessionComesBack(buyer: String) throws {
        for session in [
            GateSample.session(buyer), GateSample.session(buyer, level: 0, isMember: false, created: nil),
            GateSample.session(buyer, level: SessionCodec.levelLimit), GateSample.session(buyer, region: nil),
            GateSample.session(buyer, region: String(repeating: "r", count: Limits.regionBytes)),
        ] {
            let text = self.sessions.seal(session)
            #expect(try self.sessions.open(text.utf8, now: GateSample.now) == session)
            #expect(text.utf8.count <= self.sessions.lengthLimit)
        }
    }

    @Test(
        "an entry ticket comes back as it was made",
        arguments: ["a", "buyer-000123", String(repeating: "x", count: 64)])
    func ticketComesBack(buyer: String) throws {
        let ticket = GateSample.ticket(buyer)
        let text = self.tickets.seal(ticket)
        #expect(try self.tickets.open(text.utf8, lot: LotID(7), buyer: BuyerID(buyer)!) == ticket)
        #expect(text.utf8.count <= self.tickets.lengthLimit)
    }

    @Test("the format of a session stays as it is") func sessionFormatStays() {
        // Computed by another program, from the description of the formats.
        let session =
            "AQEjRWeJq83vAAAABwEDAAAAAAAPQkAABifKX4uQeAAGJ8pjHxd4AmV1A2FubtB5T9hKTe58sMaHEclB"
            + "hGpZ_PFEkzQPsYtk91msUNNG"
        let ticket =
            "AQAAAAeAAAAAAAAAEgAGJ8pfi5B4A2FubsyEYmQjC9rAxZo9j2-wmEDgYWagESauvmPElY0x8Wxz"
        #expect(self.sessions.seal(GateSample.session()) == session)
        #expect(self.tickets.seal(GateSample.ticket()) == ticket)
    }

    @Test("a change of any bit is detected") func changedBitIsNoticed() throws {
        let (session, ticket) = (self.sessions.seal(GateSample.session()), self.tickets.seal(GateSample.ticket()))
        for (text, isSession) in [(session, true), (ticket, false)] {
            let bytes = try #require(Base64URL.decode(text.utf8))
            for index in bytes.indices {
                for bit in 0..<8 {
                    var changed = bytes
                    changed[index] ^= 1 << UInt8(bit)
                    let text = Base64URL.encode(changed)
                    let error = #expect(throws: SealError.self) {
                        if isSession {
                            _ = try self.sessions.open(text.utf8, now: GateSample.now)
                        } else {
                            _ = try self.tickets.open(text.utf8, lot: LotID(7), buyer: GateSample.buyer)
                        }
                    }
                    #expect(error == .forged, "byte \(index), bit \(bit)")
                }
            }
        }
    }

    @Test("a change of any character is detected, and so is each shorter text") func changedTextIsNoticed() {
        let text = Array(self.sessions.seal(GateSample.session()).utf8)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: SealError.self) { _ = try self.sessions.open(changed, now: GateSample.now) }
            #expect(throws: SealError.self) { _ = try self.sessions.open(text[..<place], now: GateSample.now) }
        }
        #expect(throws: SealError.missing) { _ = try self.sessions.open([], now: GateSample.now) }
        #expect(throws: SealError.malformed(reason: "too short")) {
            _ = try self.sessions.open(Array("AAAA".utf8), now: GateSample.now)
        }
        #expect(throws: SealError.malformed(reason: "not base64url")) {
            _ = try self.sessions.open(text + [UInt8(ascii: "=")], now: GateSample.now)
        }
        #expect(throws: SealError.malformed(reason: "longer than \(self.sessions.lengthLimit) characters")) {
            _ = try self.sessions.open(Array(repeating: 65, count: 10_000), now: GateSample.now)
        }
    }

    @Test("a session is over at its end, not before") func sessionEnds() throws {
        let session = GateSample.session()
        let text = Array(self.sessions.seal(session).utf8)
        let last = Instant(microseconds: session.expiresAt.microseconds - 1)
        #expect(try self.sessions.open(text, now: last) == session)
        #expect(throws: SealError.expired(at: session.expiresAt)) {
            _ = try self.sessions.open(text, now: session.expiresAt)
        }
    }

    @Test("a ticket counts for its lot and its buyer only") func ticketIsBound() {
        let text = self.tickets.seal(GateSample.ticket())
        #expect(throws: SealError.wrongLot(LotID(7), expected: LotID(8))) {
            _ = try self.tickets.open(text.utf8, lot: LotID(8), buyer: GateSample.buyer)
        }
        for other in ["an", "anna", "Ann", "ann "] {
            #expect(throws: SealError.wrongBuyer) {
                _ = try self.tickets.open(text.utf8, lot: LotID(7), buyer: BuyerID(other)!)
            }
        }
    }

    @Test("a text of another kind, or by another secret, is forged") func splicedTextIsNoticed() throws {
        let (session, ticket) = (self.sessions.seal(GateSample.session()), self.tickets.seal(GateSample.ticket()))
        #expect(throws: SealError.forged) { _ = try self.sessions.open(ticket.utf8, now: GateSample.now) }
        #expect(throws: SealError.forged) {
            _ = try self.tickets.open(session.utf8, lot: LotID(7), buyer: GateSample.buyer)
        }
        #expect(throws: SealError.forged) {
            _ = try SessionCodec(GateSample.otherKeys).open(session.utf8, now: GateSample.now)
        }
        // The content of one session with the signature of another one.
        let other = try #require(Base64URL.decode(self.sessions.seal(GateSample.session("bob")).utf8))
        let bytes = try #require(Base64URL.decode(session.utf8))
        let spliced = Base64URL.encode(Array(bytes.dropLast(32)) + other.suffix(32))
        #expect(throws: SealError.forged) { _ = try self.sessions.open(spliced.utf8, now: GateSample.now) }
    }

    @Test("a new secret is used before the old one is removed") func newSecretWorksBesideOld() throws {
        let (old, new) = (String(repeating: "o", count: 32), String(repeating: "n", count: 32))
        let both = SessionCodec(GateKeys(secrets: [new, old]))
        let (before, after) = (SessionCodec(GateKeys(secret: old)), SessionCodec(GateKeys(secret: new)))
        let session = GateSample.session()
        #expect(try both.open(before.seal(session).utf8, now: GateSample.now) == session)
        #expect(try after.open(both.seal(session).utf8, now: GateSample.now) == session, "the first one makes sessions")
        #expect(throws: SealError.forged) { _ = try before.open(both.seal(session).utf8, now: GateSample.now) }
    }

    @Test("a level beyond the limit counts as the limit") func levelIsClamped() throws {
        for (level, kept) in [(-1, 0), (Int.min, 0), (Int.max, SessionCodec.levelLimit)] {
            let text = self.sessions.seal(GateSample.session(level: level))
            #expect(try self.sessions.open(text.utf8, now: GateSample.now).claims.level == kept)
        }
    }
}

@Suite("Order ids and draws of gates") struct GateDerivationTests {
    @Test("the same attempt has the same order id, and every other one another id") func orderIsDerived() {
        let orders = OrderDerivation(GateSample.keys)
        let one = orders.order(sale: "drop", lot: LotID(7), buyer: GateSample.buyer, attempt: 1)
        #expect(
            one
                == OrderDerivation(GateSample.keys).order(
                    sale: "drop", lot: LotID(7), buyer: GateSample.buyer, attempt: 1))
        let others = [
            orders.order(sale: "drop", lot: LotID(7), buyer: GateSample.buyer, attempt: 2),
            orders.order(sale: "drop", lot: LotID(8), buyer: GateSample.buyer, attempt: 1),
            orders.order(sale: "drop", lot: LotID(7), buyer: BuyerID("bob")!, attempt: 1),
            orders.order(sale: "dro", lot: LotID(7), buyer: GateSample.buyer, attempt: 1),
            OrderDerivation(GateSample.otherKeys).order(
                sale: "drop", lot: LotID(7), buyer: GateSample.buyer, attempt: 1),
        ]
        #expect(Set(others + [one]).count == 6)
        #expect(one.description == "47b070150989dcf7ff2c8fe9f1b75573", "computed by another program")
    }

    @Test("a draw can be checked with the published seed") func drawIsCheckable() throws {
        let text = String(repeating: "0123456789abcdef", count: 4)
        let seed = try #require(DrawSeed(text))
        #expect(seed.text == text)
        #expect(seed.hash == "4884fdaafea47c29fea7159d0daddd9c085d6200e1359e85bb81736af6b7c837")
        #expect(seed.number(lot: LotID(7), buyer: GateSample.buyer) == 0x47d41ef2b3240bee)
        #expect(
            seed.number(lot: LotID(7), buyer: GateSample.buyer) != seed.number(lot: LotID(8), buyer: GateSample.buyer))
        #expect(
            seed.number(lot: LotID(7), buyer: GateSample.buyer) != seed.number(lot: LotID(7), buyer: BuyerID("bob")!))
        for bad in ["", String(text.dropLast()), text + "0", String(text.dropLast()) + "g"] {
            #expect(DrawSeed(bad) == nil)
        }
    }

    @Test("two new seeds differ, and a seed comes back from its text") func seedsAreDrawn() throws {
        var random = TestRandom(1)
        let (one, two) = (DrawSeed(using: &random), DrawSeed(using: &random))
        #expect(one.hash != two.hash)
        let copy = try #require(DrawSeed(one.text))
        #expect(copy.hash == one.hash)
        #expect(
            copy.number(lot: LotID(1), buyer: GateSample.buyer) == one.number(lot: LotID(1), buyer: GateSample.buyer))
    }

    @Test("draws of many buyers are spread evenly") func drawsAreUniform() {
        var random = TestRandom(2)
        let seed = DrawSeed(using: &random)
        var counts = [Int](repeating: 0, count: 8)
        for number in 0..<8_000 {
            counts[Int(seed.number(lot: LotID(1), buyer: BuyerID("buyer-\(number)")!) >> 61)] += 1
        }
        // About 1,000 each, with a standard deviation of 30.
        #expect(counts.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
    }
}
