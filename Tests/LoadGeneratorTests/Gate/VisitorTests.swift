import LoadGenerator
import Testing
import TrancheCore

@Suite("The visitors of a load") struct VisitorTests {
    private func arrivals(_ shares: VisitorShares, seed: UInt64 = 1, bots: Int = 0) -> [Arrival] {
        var plan = LoadPlan(buyers: 4_000, seconds: 10, weights: [1, 1])
        (plan.shares, plan.seed, plan.botPercent) = (shares, seed, bots)
        return plan.arrivals()
    }

    static let some = VisitorShares(doubleClickers: 10, scripts: 5, blocked: 4, forgers: 3, replayers: 2)

    @Test("each kind has its share, and the same seed gives the same visitors") func kindsHaveTheirShares() {
        let arrivals = self.arrivals(Self.some)
        #expect(arrivals == self.arrivals(Self.some))
        #expect(arrivals != self.arrivals(Self.some, seed: 2))
        let counts = Dictionary(grouping: arrivals, by: \.kind).mapValues(\.count)
        // Five standard deviations of each share.
        for (kind, percent, slack) in [
            (VisitorKind.doubleClicker, 10, 95), (.script, 5, 69), (.blocked, 4, 62), (.forger, 3, 54),
            (.replayer, 2, 45), (.person, 76, 136),
        ] { #expect(abs((counts[kind] ?? 0) - 40 * percent) <= slack, "\(kind): \(counts[kind] ?? 0)") }
    }

    @Test("a crowd without other kinds is the same as before, and bots keep their names") func peopleStayTheSame() {
        #expect(self.arrivals(VisitorShares()).allSatisfy { $0.kind == .person && $0.buyer.hasPrefix("buyer-") })
        let bots = self.arrivals(Self.some, bots: 100)
        #expect(bots.allSatisfy { $0.isBot && $0.kind == .person && $0.buyer.hasPrefix("bot-") })
    }

    @Test("a script is one identity, and blocked visitors share few names") func namesFitTheKinds() {
        let byKind = Dictionary(grouping: self.arrivals(Self.some), by: \.kind).mapValues { Set($0.map(\.buyer)) }
        let scripts = self.arrivals(Self.some).filter { $0.kind == .script }
        #expect(byKind[.script]?.count == scripts.count)
        #expect((2...LoadPlan.blockedNames).contains(byKind[.blocked]?.count ?? 0))
        #expect(byKind.values.joined().allSatisfy { BuyerID($0) != nil })
    }

    @Test("every refusal of a gate has a layer, and a block after a fast answer is the challenge's")
    func refusalsHaveLayers() {
        let now = Instant(milliseconds: 0)
        let refusals: [GateRefusal] = [
            .badIdentity(""), .badTicket(""), .notAdmitted(retryAfterMilliseconds: 1), .notEligible(rule: "r"),
            .blocked(until: nil), .notStarted(opensAt: now), .paused, .ended, .entryClosed(openedAt: now),
            .challengeRequired, .challengeFailed, .challengeSpent, .tooFast(level: 1), .soldOut,
            .rateLimited(retryAfterMilliseconds: 1), .overloaded(retryAfterMilliseconds: 1),
            .recovering(retryAfterMilliseconds: 1),
        ]
        for refusal in refusals { #expect(GateLayer.of(refusal.code, isFast: false) != .form, "\(refusal.code)") }
        #expect(GateLayer.of("blocked", isFast: false) == .rules)
        #expect(GateLayer.of("blocked", isFast: true) == .challenge)
        #expect(GateLayer.of("invalid_json", isFast: false) == .form)
    }

    @Test("the code of a refusal is read without its JSON") func codesAreRead() {
        func code(_ status: Int, _ body: String) -> String? { LoadResponse(status: status, body: body).refusal }
        #expect(code(429, #"{"code":"rate_limited","detail":"x"}"#) == "rate_limited")
        #expect(code(403, #"{"challenge":{"signature":"00"},"code":"too_fast"}"#) == "too_fast")
        #expect(code(404, "no JSON") == "404")
        #expect(code(201, #"{"code":"rate_limited"}"#) == nil)
    }
}
