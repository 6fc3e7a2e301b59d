import Testing
import TrancheCore

@Suite("Rules of a sale") struct GateRulesTests {
    private let now = Instant(milliseconds: 1_700_000_000_000)
    private let hash = SipHash(key: (1, 2))
    private let address: NetworkAddress
    private let ann: BuyerID
    private let bob: BuyerID
    private let lists: GateLists

    init() throws {
        self.address = try NetworkAddress(text: "192.0.2.7")
        self.ann = try #require(BuyerID("ann"))
        self.bob = try #require(BuyerID("bob"))
        self.lists = GateLists(
            buyers: ["friends": BuyerSet([self.ann], hash: self.hash)],
            addresses: ["office": try AddressSet(texts: ["192.0.2.0/24"])])
    }

    private func hits(_ rules: [GateRule], _ claims: GateClaims, from address: NetworkAddress? = nil) -> [RuleHit] {
        rules.judge(claims: claims, address: address ?? self.address, lists: self.lists, now: self.now)
    }

    private func breaks(_ condition: GateRule.Condition, _ claims: GateClaims) -> RuleHit.Reason? {
        self.hits([GateRule(id: "r", condition)], claims).first?.reason
    }

    @Test("a level is enough from the named one on") func level() {
        #expect(self.breaks(.level(atLeast: 3), GateClaims(buyer: self.ann, level: 2)) == .notEligible)
        #expect(self.breaks(.level(atLeast: 3), GateClaims(buyer: self.ann, level: 3)) == nil)
    }

    @Test("an account is old enough from the whole day on; one of unknown age is too young") func age() {
        let edge = self.now.advanced(milliseconds: -3 * 86_400_000)
        let young = edge.advanced(milliseconds: 1)
        func verdict(_ createdAt: Instant?, _ days: Int) -> RuleHit.Reason? {
            self.breaks(.accountAge(days: days), GateClaims(buyer: self.ann, accountCreatedAt: createdAt))
        }
        #expect(verdict(edge, 3) == nil && verdict(young, 3) == .notEligible && verdict(nil, 3) == .notEligible)
        #expect(verdict(nil, 0) == nil && verdict(edge, .max) == .notEligible)
        #expect(verdict(self.now.advanced(milliseconds: 9_999), 1) == .notEligible, "created in the future")
    }

    @Test("members only") func member() {
        #expect(self.breaks(.member, GateClaims(buyer: self.ann)) == .notEligible)
        #expect(self.breaks(.member, GateClaims(buyer: self.ann, isMember: true)) == nil)
    }

    @Test("a list of allowed buyers stops all others, and a list of blocked ones only its own") func buyerLists() {
        let (ann, bob) = (GateClaims(buyer: self.ann), GateClaims(buyer: self.bob))
        #expect(self.breaks(.allowBuyers(list: "friends"), ann) == nil)
        #expect(self.breaks(.allowBuyers(list: "friends"), bob) == .notEligible)
        #expect(self.breaks(.blockBuyers(list: "friends"), ann) == .blocked)
        #expect(self.breaks(.blockBuyers(list: "friends"), bob) == nil)
    }

    @Test("lists of addresses do the same") func addressLists() throws {
        let claims = GateClaims(buyer: self.ann)
        let outside = try NetworkAddress(text: "192.0.3.7")
        let allow = [GateRule(id: "a", .allowAddresses(list: "office"))]
        let block = [GateRule(id: "b", .blockAddresses(list: "office"))]
        #expect(self.hits(allow, claims).isEmpty && self.hits(allow, claims, from: outside).count == 1)
        #expect(self.hits(block, claims).first?.reason == .blocked && self.hits(block, claims, from: outside).isEmpty)
    }

    @Test(
        "a rule whose list is missing is broken by everybody",
        arguments: [
            .allowBuyers(list: "x"), .blockBuyers(list: "x"), .allowAddresses(list: "x"), .blockAddresses(list: "x"),
            .blockBuyers(list: "office"), .blockAddresses(list: "friends"),
        ] as [GateRule.Condition])
    func missingList(condition: GateRule.Condition) {
        #expect(self.breaks(condition, GateClaims(buyer: self.bob)) == .missingList)
    }

    @Test("an observed rule is counted and stops nobody; the first enforced one is told") func modes() {
        let rules = [
            GateRule(id: "watch", .level(atLeast: 9), mode: .observe), GateRule(id: "fine", .level(atLeast: 0)),
            GateRule(id: "members", .member), GateRule(id: "friends", .blockBuyers(list: "friends")),
        ]
        let hits = self.hits(rules, GateClaims(buyer: self.ann))
        #expect(hits.map(\.rule) == ["watch", "members", "friends"])
        #expect(hits.map(\.refusal) == [nil, .notEligible(rule: "members"), .blocked(until: nil)])
        #expect(hits.refusal == .notEligible(rule: "members"))
        #expect(hits.prefix(1).refusal == nil && [RuleHit]().refusal == nil)
    }
}
