import Testing
import TrancheAPI
import TrancheCore

@Suite("Which genuine tokens a sale accepts") struct TokenTermsTests {
    static let now = Instant(milliseconds: 1_700_000_000_000)

    private func token(_ buyer: String = "ann", epoch: UInt32 = 0, lifetime: Int64 = 1_000) -> PurchaseToken {
        PurchaseToken(
            order: OrderID(high: 1, low: 2), lot: LotID(7), home: UnitID(1), buyer: BuyerID(buyer)!, issuedAt: Self.now,
            notBefore: Self.now, expiresAt: Self.now.advanced(milliseconds: lifetime), epoch: RevocationEpoch(epoch))
    }

    @Test("a token of an earlier epoch is refused; one of the present or of a later epoch is accepted")
    func onlyEarlierEpochsAreRevoked() {
        let terms = TokenTerms(epoch: RevocationEpoch(3))
        for epoch: UInt32 in [0, 1, 2] {
            let refusal = TokenError.revoked(RevocationEpoch(epoch), current: RevocationEpoch(3))
            #expect(terms.refusal(of: self.token(epoch: epoch), now: Self.now) == refusal)
        }
        for epoch: UInt32 in [3, 4, .max] {
            #expect(terms.refusal(of: self.token(epoch: epoch), now: Self.now) == nil)
        }
        #expect(TokenTerms.ordinary.refusal(of: self.token(), now: Self.now) == nil)
    }

    @Test("a blocked buyer is refused whatever the epoch; others are not") func blockedBuyerIsRefused() {
        let terms = TokenTerms(blocked: [BuyerID("eve")!], epoch: RevocationEpoch(1))
        #expect(terms.refusal(of: self.token("eve", epoch: 0), now: Self.now) == .blocked)
        #expect(terms.refusal(of: self.token("eve", epoch: 1), now: Self.now) == .blocked)
        #expect(terms.refusal(of: self.token("ann", epoch: 1), now: Self.now) == nil)
    }

    @Test("the times of a token hold in every epoch, just inside and just outside") func timesHoldInEveryEpoch() {
        let terms = TokenTerms(epoch: RevocationEpoch(1))
        let token = self.token(epoch: 1)
        let early = Self.now.advanced(milliseconds: -1)
        #expect(terms.refusal(of: token, now: early) == .early(notBefore: Self.now))
        #expect(terms.refusal(of: token, now: Self.now.advanced(milliseconds: 999)) == nil)
        #expect(terms.refusal(of: token, now: token.expiresAt) == .expired(at: token.expiresAt))
        let revoked = TokenError.revoked(.first, current: RevocationEpoch(1))
        #expect(terms.refusal(of: self.token(lifetime: 0), now: Self.now) == revoked, "a new token helps against both")
    }

    @Test("a check of a token includes the terms of its sale") func checkIncludesTerms() throws {
        let codec = TokenCodec(secret: String(repeating: "s", count: 32))
        let terms = TokenTerms(epoch: RevocationEpoch(1))
        try codec.check(self.token(epoch: 1), lot: LotID(7), unit: UnitID(1), terms: terms, now: Self.now)
        #expect(throws: TokenError.revoked(.first, current: RevocationEpoch(1))) {
            try codec.check(self.token(), lot: LotID(7), unit: UnitID(1), terms: terms, now: Self.now)
        }
    }

    @Test("a revoked token has a code of its own, and a new one is worth asking for") func revokedTokenHasItsCode() {
        let problem = Problem(TokenError.revoked(RevocationEpoch(1), current: RevocationEpoch(2)))
        #expect(problem.status == 401 && problem.code == "token_revoked" && problem.retryAfter == nil)
        #expect(problem.detail.contains("epoch 1") && problem.detail.contains("epoch 2"))
        #expect(problem.challenge == "Bearer")
    }
}
