import Testing
import TrancheCore

@Suite("Addresses of centers") struct CenterAddressesTests {
    private typealias Answer = CenterAddresses.Answer

    @Test("one address, and several, with blanks and slashes") func textIsParsed() throws {
        #expect(try CenterAddresses("http://a:1").all == ["http://a:1"])
        #expect(try CenterAddresses("http://a:1").isSingle)
        #expect(try CenterAddresses(" http://a:1/ ,http://b:2").all == ["http://a:1", "http://b:2"])
    }

    @Test("a bad list is refused with its reason") func badListIsRefused() {
        #expect(throws: CenterAddresses.ParseError.empty(place: 1)) { try CenterAddresses("") }
        #expect(throws: CenterAddresses.ParseError.empty(place: 2)) { try CenterAddresses("http://a:1, ") }
        #expect(throws: CenterAddresses.ParseError.repeated("http://a:1")) {
            try CenterAddresses("http://a:1,http://a:1/")
        }
        let nine = (1...9).map { "http://c:\($0)" }.joined(separator: ",")
        #expect(throws: CenterAddresses.ParseError.tooMany(9, limit: 8)) { try CenterAddresses(nine) }
    }

    @Test("a hint is followed to an address of the list, and to no other one") func hintIsFollowed() throws {
        var addresses = try CenterAddresses("http://a:1,http://b:2,http://c:3")
        addresses.hear(.standby(leader: "http://c:3/"), from: "http://a:1")
        #expect(addresses.current == "http://c:3")
        addresses = try CenterAddresses("http://a:1,http://b:2,http://c:3")
        addresses.hear(.standby(leader: "http://thief:1"), from: "http://a:1")
        #expect(addresses.current == "http://b:2", "a secret is not sent to an address that a peer names")
    }

    @Test("a hint at a center that has just not answered is not followed") func hintAtSilentCenterIsIgnored() throws {
        var addresses = try CenterAddresses("http://a:1,http://b:2,http://c:3")
        addresses.hear(.silent, from: "http://a:1")
        addresses.hear(.standby(leader: "http://a:1"), from: "http://b:2")
        #expect(addresses.current == "http://c:3")
    }

    @Test("late news of an address that is not asked any more changes nothing") func lateNewsChangesNothing() throws {
        var addresses = try CenterAddresses("http://a:1,http://b:2")
        addresses.hear(.silent, from: "http://a:1")
        addresses.hear(.silent, from: "http://a:1")
        #expect(addresses.current == "http://b:2")
    }

    /// What the centers that do not lead say is drawn: old hints, hints at each other, nothing at all.
    @Test("the leader is found whatever the others say, within twice as many calls as there are addresses")
    func leaderIsFound() throws {
        for seed in 0..<5_000 as Range<UInt64> {
            var draw = SeededDraw(seed)
            let all = (0..<(1 + draw.below(CenterAddresses.limit))).map { "http://c:\($0)" }
            var addresses = try CenterAddresses(all.joined(separator: ","))
            for _ in 0..<4 {
                let leader = all[draw.below(all.count)]
                var calls = 0
                while addresses.current != leader {
                    let asked = addresses.current
                    let answer: Answer =
                        draw.below(3) == 0
                        ? .silent : .standby(leader: draw.below(4) == 0 ? nil : all.randomElement(using: &draw))
                    addresses.hear(answer, from: asked)
                    calls += 1
                    guard calls < 2 * all.count else {
                        Issue.record("seed \(seed): \(leader) of \(all.count) was not found")
                        return
                    }
                }
                addresses.hear(.leads, from: leader)
            }
        }
    }
}
