import Crypto
import Testing
import TrancheAPI
import TrancheCore

@Suite("Purchase tokens") struct TokenTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    let codec = TokenCodec(secret: "0123456789abcdef0123456789abcdef")

    private func token(buyer: String = "buyer-1", epoch: RevocationEpoch = .first) -> PurchaseToken {
        PurchaseToken(
            order: OrderID(high: 0x0102_0304, low: UInt64.max), lot: LotID(7), home: UnitID(300),
            buyer: BuyerID(buyer)!,
            issuedAt: Self.now, notBefore: Self.now.advanced(milliseconds: 10),
            expiresAt: Self.now.advanced(milliseconds: 1_000), epoch: epoch)
    }

    @Test(
        "a minted token is opened with the same claims",
        arguments: ["a", "buyer-000123", String(repeating: "x", count: 64), "A Z~"])
    func tokenComesBack(buyer: String) throws {
        let text = self.codec.mint(self.token(buyer: buyer))
        #expect(try self.codec.open(text.utf8) == self.token(buyer: buyer))
        #expect(text.utf8.count <= TokenCodec.lengthLimit)
    }

    @Test(
        "ids that stores could compare in two ways are refused",
        arguments: ["", "a\u{0}b", "a\nb", "Zoë", "Zoe\u{308}", "\u{7F}", String(repeating: "x", count: 65)])
    func ambiguousIDsAreRefused(text: String) {
        #expect(BuyerID(text) == nil)
        #expect(PaymentID(text) == nil)
        #expect(throws: Problem.self) { _ = try JSON.decode(PaymentID.self, from: JSON.encode(text)) }
    }

    @Test("a date beyond the calendar saturates") func farDateSaturates() {
        #expect(Instant(milliseconds: Int64.max) == .distantFuture)
        #expect(Instant(milliseconds: Int64.min) == .distantPast)
    }

    @Test("a change of any character is detected") func changedCharacterIsNoticed() throws {
        let text = Array(self.codec.mint(self.token()).utf8)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: TokenError.self) { _ = try self.codec.open(changed) }
        }
    }

    @Test("a token of the first version is still read") func firstTokenVersionIsRead() throws {
        let text =
            "AQAAAAABAgME__________8AAAAHASwABgokGB5AAAAGCiQYHmcQAAYKJB"
            + "gtgkAHYnV5ZXItMSWWG0J60-JmSf83swCncLGCnnV1_EbqJlU2NthPRQwN"
        #expect(try self.codec.open(text.utf8) == self.token())
    }

    @Test("a token of the second version is still read, and is of the first epoch") func secondTokenVersionIsRead()
        throws
    {
        let text =
            "Aj6xvUMAAAAAAQIDBP__________AAAABwEsAAYKJBgeQAAABgokGB5nEAAGCiQYLYJAB2J1eWVyLTGnZ3MnH6H56zpEkSy7hQ-it-G3"
            + "u3K-nsHWnBsy9XYEnw"
        #expect(try self.codec.open(text.utf8) == self.token())
        #expect(try self.codec.open(text.utf8).epoch == .first)
    }

    @Test("the bytes of a new token do not change unnoticed: other processes read them") func newTokenHasItsForm()
        throws
    {
        let text =
            "Az6xvUMBAgMEAAAAAAECAwT__________wAAAAcBLAAGCiQYHkAAAAYKJBgeZxAABgokGC2CQAdidXllci0x4WCxxRZQJLyKEbU7oczTK"
            + "dbcJ3J8VLblEhmN56mjFWY"
        let token = self.token(epoch: RevocationEpoch(0x0102_0304))
        #expect(self.codec.mint(token) == text)
        #expect(try self.codec.open(text.utf8) == token)
    }

    @Test("a change of any bit, a part, more bytes, and parts of two tokens are refused") func changedTokenIsRefused()
        throws
    {
        let bytes = try #require(Base64URL.decode(Array(self.codec.mint(self.token(epoch: RevocationEpoch(2))).utf8)))
        let other = try #require(Base64URL.decode(Array(self.codec.mint(self.token(epoch: RevocationEpoch(3))).utf8)))
        var changed: [[UInt8]] = [bytes + [0], bytes.dropLast(32) + other.suffix(32)]
        changed += (0..<bytes.count).map { Array(bytes[..<$0]) }
        for index in bytes.indices {
            for bit in 0..<8 {
                var one = bytes
                one[index] ^= 1 << UInt8(bit)
                changed.append(one)
            }
        }
        // The versions without an epoch, or without a key, and the rest of this token.
        changed += [[2] + bytes[1..<5] + bytes[9...], [1] + bytes[9...], [2] + bytes[1...], [1] + bytes[1...]]
        for bytes in changed {
            #expect(throws: TokenError.self) { _ = try self.codec.open(Base64URL.encode(bytes).utf8) }
        }
    }

    @Test("a genuine signature over a wrong length, or over another version, does not help")
    func signedNonsenseIsRefused() throws {
        let key = SymmetricKey(data: Array("0123456789abcdef0123456789abcdef".utf8))
        let text = Array(self.codec.mint(self.token()).utf8)
        let signed = try #require(Base64URL.decode(text)).dropLast(TokenCodec.macBytes)
        func sign(_ content: [UInt8]) -> String {
            Base64URL.encode(content + Array(HMAC<SHA256>.authenticationCode(for: content, using: key)))
        }
        #expect(sign(Array(signed)).utf8.elementsEqual(text))
        let length = TokenCodec.fixedBytes - 1
        for wrong: UInt8 in [0, 6, 8, 64, 255] {
            var content = Array(signed)
            content[length] = wrong
            #expect(throws: TokenError.malformed(reason: "the length of the buyer's name is wrong")) {
                _ = try self.codec.open(sign(content).utf8)
            }
        }
        for version: UInt8 in [0, 4, 255] {
            #expect(throws: TokenError.malformed(reason: "version \(version) is unknown")) {
                _ = try self.codec.open(sign([version] + signed.dropFirst()).utf8)
            }
        }
    }

    @Test("the longest token has the stated length") func longestTokenFits() throws {
        let longest = self.token(buyer: String(repeating: "x", count: Limits.buyerBytes), epoch: RevocationEpoch(.max))
        #expect(self.codec.mint(longest).utf8.count <= TokenCodec.lengthLimit)
        #expect(try self.codec.open(self.codec.mint(longest).utf8) == longest)
    }

    @Test("tokens of the present and the previous secret are accepted, and of an older one no more")
    func olderSecretIsRefused() throws {
        let secrets = ["n", "p", "o"].map { String(repeating: $0, count: 32) }
        let codec = TokenCodec(secrets: Array(secrets.prefix(2)))
        for secret in secrets.prefix(2) {
            #expect(try codec.open(TokenCodec(secret: secret).mint(self.token()).utf8) == self.token())
        }
        #expect(throws: TokenError.forged) {
            _ = try codec.open(TokenCodec(secret: secrets[2]).mint(self.token()).utf8)
        }
    }

    @Test("a new secret is used before the old one is removed") func newSecretWorksBesideOld() throws {
        let (old, new) = (String(repeating: "o", count: 32), String(repeating: "n", count: 32))
        let both = TokenCodec(secrets: [new, old])
        let token = self.token()
        #expect(try both.open(TokenCodec(secret: old).mint(token).utf8) == token)
        #expect(try TokenCodec(secret: new).open(both.mint(token).utf8) == token, "the first one makes tokens")
        #expect(throws: TokenError.forged) { _ = try TokenCodec(secret: old).open(both.mint(token).utf8) }
        let body = Array("{}".utf8)
        let signed = PaymentSignature(secret: old).sign(body, at: Self.now)
        try PaymentSignature(secrets: [new, old]).check(signed, body, now: Self.now)
        #expect(throws: Problem.self) { try PaymentSignature(secret: new).check(signed, body, now: Self.now) }
    }

    @Test("each unit has its own secrets, one for each direction") func eachUnitHasItsOwnSecrets() {
        let key = String(repeating: "k", count: 32)
        var all: Set<String> = []
        for unit: UInt16 in [1, 2, 300] {
            for purpose in UnitCredential.Purpose.allCases {
                all.insert(UnitCredential.derive(purpose, of: UnitID(unit), key: key))
            }
        }
        #expect(all.count == 9)
        #expect(all.allSatisfy { $0.utf8.count == 43 })
    }

    @Test("a token of another secret counts as forged") func foreignTokenIsForged() {
        let other = TokenCodec(secret: "another-secret-of-the-right-length").mint(self.token())
        #expect(throws: TokenError.forged) { _ = try self.codec.open(other.utf8) }
    }

    @Test(
        "malformed tokens are refused with the reason",
        arguments: [
            ("", TokenError.missing), ("AAAA", .malformed(reason: "too short")),
            ("a b", .malformed(reason: "not base64url")),
            ("AAAAA", .malformed(reason: "not base64url")),
            (
                String(repeating: "A", count: 500),
                .malformed(reason: "longer than \(TokenCodec.lengthLimit) characters")
            ),
            (String(repeating: "A", count: 160), .malformed(reason: "version 0 is unknown")),
        ])
    func malformedTokenIsRefusedByCause(text: String, error: TokenError) {
        #expect(throws: error) { _ = try self.codec.open(text.utf8) }
    }

    @Test("lot, unit and time are checked, just inside and just outside") func lotUnitAndTimeAreChecked() throws {
        let token = self.token()
        let good = Self.now.advanced(milliseconds: 10)
        try self.codec.check(token, lot: LotID(7), unit: UnitID(300), now: good)
        #expect(throws: TokenError.wrongLot(LotID(7), expected: LotID(8))) {
            try self.codec.check(token, lot: LotID(8), unit: UnitID(300), now: good)
        }
        #expect(throws: TokenError.wrongUnit(UnitID(300))) {
            try self.codec.check(token, lot: LotID(7), unit: UnitID(1), now: good)
        }
        #expect(throws: TokenError.early(notBefore: good)) {
            try self.codec.check(token, lot: LotID(7), unit: UnitID(300), now: Self.now.advanced(milliseconds: 9))
        }
        let end = Self.now.advanced(milliseconds: 1_000)
        try self.codec.check(token, lot: LotID(7), unit: UnitID(300), now: Self.now.advanced(milliseconds: 999))
        #expect(throws: TokenError.expired(at: end)) {
            try self.codec.check(token, lot: LotID(7), unit: UnitID(300), now: end)
        }
    }
}

@Suite("Payment signatures") struct SignatureTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)
    let signature = PaymentSignature(secret: "0123456789abcdef0123456789abcdef")
    let body = Array("{\"order\":1}".utf8)

    @Test("a signature is valid for its body and its time only") func signatureCoversBodyAndTime() throws {
        let header = self.signature.sign(self.body, at: Self.now)
        try self.signature.check(header, self.body, now: Self.now)
        try self.signature.check(header, self.body, now: Self.now.advanced(milliseconds: 300_000))
        for (header, body, now) in [
            (header, self.body + [32], Self.now), (header, self.body, Self.now.advanced(milliseconds: 300_001)),
            (header.replacing("t=1", with: "t=2"), self.body, Self.now), ("", self.body, Self.now),
            ("t=x,v1=y", self.body, Self.now), ("t=\(Int64.min),v1=00", self.body, Self.now),
        ] {
            #expect(throws: Problem.self) { try self.signature.check(header, body, now: now) }
        }
        #expect(throws: Problem.self) { try self.signature.check(nil, self.body, now: Self.now) }
    }
}

@Suite("Documents") struct DocumentTests {
    @Test(
        "the hot path's bytes are the encoder's bytes", arguments: [OrderState.reserved, .paid, .cancelled, .expired])
    func hotPathBytesMatchEncoder(state: OrderState) {
        let order = Order(
            id: OrderID(high: 1, low: 2), buyer: BuyerID("a")!, lot: LotID(3), quantity: 4, buyerLimit: 5,
            generation: Generation(1), state: state, stamp: Stamp(rawValue: UInt64.max),
            deadline: Instant(microseconds: 77))
        #expect(Array(OrderDocument.json(order).utf8) == JSON.encode(OrderDocument(order)))
    }

    @Test("every refusal has its own code and a status that fits") func everyRefusalHasItsCode() {
        let order = OrderID(high: 1, low: 1)
        let refusals: [Refusal] = [
            .unknownLot(LotID(1)), .unknownOrder(order), .invalidQuantity(0, limit: 1),
            .notStarted(opensAt: .distantPast),
            .ended, .paused, .soldOut(requested: 1), .restocking, .duplicate(held: 1, limit: 1),
            .limitReached(requested: 2, held: 1, limit: 2), .overloaded(limit: 9), .recovering, .alreadyPaid(order),
            .paymentTooLate(order, state: .expired), .notCancellable(order, state: .paid),
        ]
        let problems = refusals.map { Problem($0) }
        #expect(Set(problems.map(\.code)).count == refusals.count)
        for (refusal, problem) in zip(refusals, problems) {
            #expect((400..<600).contains(problem.status))
            #expect((problem.retryAfter != nil) == refusal.isTransient, "\(problem.code)")
        }
    }

    @Test("a request that is shed is refused as overloaded, and told when to come again") func shedIsOverloaded() {
        let problem = Problem(Refusal.shed(retryAfterSeconds: 7))
        #expect(problem.status == 503 && problem.code == "overloaded" && problem.retryAfter == 7)
        #expect(Refusal.shed(retryAfterSeconds: 7).isTransient)
    }

    @Test(
        "an invalid configuration is refused with the reason",
        arguments: [
            ("stock", "stock 0 is not in 1..."), ("limit", "perBuyerLimit 0 is not in 1..."),
            ("pool", "poolPermille 1001"),
            ("window", "payment window 5 ms"), ("never", "is not in 0...4102444800000"), ("dates", "before it starts"),
            ("unit", "there is no unit \"mars\""),
            ("twice", "two lots share an id"), ("fixed", "fixed quotas add up to 200, but the stock is 100"),
            ("id", "sale id \"a b\""),
            ("none", "has no lot"), ("url", "is not an http address"),
            ("split", "is not an http address"), ("added", "added stock 9223372036854775807 is not in 0..."),
        ])
    func invalidConfigurationIsRefusedByCause(kind: String, reason: String) {
        var unit = SaleConfig.Unit(
            id: UnitID(1), name: "earth", region: "earth", publicURL: "http://a:1", internalURL: "http://a:2")
        if kind == "url" {
            unit = .init(id: UnitID(1), name: "earth", region: "earth", publicURL: "a:1", internalURL: "http://a:2")
        }
        if kind == "split" {
            unit = .init(
                id: UnitID(1), name: "earth", region: "earth", publicURL: "http://a:1\r\nX: y",
                internalURL: "http://a:2")
        }
        var lot = SaleConfig.Lot(
            id: LotID(1), name: "x", stock: kind == "stock" ? 0 : 100, perBuyerLimit: kind == "limit" ? 0 : 1,
            poolPermille: kind == "pool" ? 1_001 : 0, weights: kind == "unit" ? ["mars": 1] : nil,
            fixed: kind == "fixed" ? ["earth": 200] : nil)
        if kind == "added" { lot.added = .max }
        let sale = SaleConfig.Sale(
            id: kind == "id" ? "a b" : "s", name: "s", state: .warming, startsAtMilliseconds: kind == "dates" ? 10 : 1,
            endsAtMilliseconds: kind == "never" ? Int64.max : 10,
            paymentWindowMilliseconds: kind == "window" ? 5 : 1_000,
            lots: kind == "none" ? [] : kind == "twice" ? [lot, lot] : [lot])
        let error = #expect(throws: Problem.self) { try SaleConfig(units: [unit], sales: [sale]).validate() }
        #expect(error?.code == "invalid_config")
        #expect(error?.detail.contains(reason) == true, "\(error?.detail ?? "")")
    }

    @Test("a push with a wrong checksum or version is refused") func wrongPushIsRefused() throws {
        let content = String(decoding: JSON.encode(SaleConfig()), as: UTF8.self)
        _ = try ConfigPush(version: 1, epoch: Epoch(1), content: content).validated()
        #expect(throws: Problem.self) { _ = try ConfigPush(version: 0, epoch: Epoch(1), content: content).validated() }
        let text = String(
            decoding: JSON.encode(ConfigPush(version: 1, epoch: Epoch(1), content: content)), as: UTF8.self)
        let changed = try JSON.decode(ConfigPush.self, from: text.replacing("sales", with: "salez").utf8)
        #expect(throws: Problem.self) { _ = try changed.validated() }
    }
}
