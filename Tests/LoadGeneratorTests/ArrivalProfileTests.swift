import LoadGenerator
import Testing

@Suite("Profiles of arrival") struct ArrivalProfileTests {
    private func perSecond(_ profile: ArrivalProfile) -> [Int] {
        var counts = [Int](repeating: 0, count: Int((profile.length + 999_999) / 1_000_000))
        for time in profile.due { counts[Int(time / 1_000_000)] += 1 }
        return counts
    }

    @Test("everybody comes within the first second") func firstSecond() {
        let profile = ArrivalProfile.firstSecond(requests: 5_000)
        #expect(profile.due.count == 5_000 && profile.length == 1_000_000)
        #expect(profile.due.allSatisfy { (0..<1_000_000).contains($0) })
        // Not all at once, and not at the end: each tenth of the second has its share.
        let tenths = Dictionary(grouping: profile.due) { $0 / 100_000 }.mapValues(\.count)
        #expect(tenths.count == 10 && tenths.values.allSatisfy { (400...600).contains($0) })
    }

    @Test("a jump multiplies the rate, and the rate falls back", arguments: [10, 100]) func jump(factor: Int) {
        let profile = ArrivalProfile.jump(factor, base: 50, seconds: 2)
        #expect(profile.length == 6_000_000)
        let counts = self.perSecond(profile)
        #expect(counts[0] + counts[1] == 100 && counts[4] + counts[5] == 100)
        #expect(counts[2] + counts[3] == 100 * factor)
    }

    @Test("a million requests are due in five seconds, and a part of them at the same rate") func million() {
        #expect(ArrivalProfile.million().due.count == 1_000_000 && ArrivalProfile.million().length == 5_000_000)
        #expect(ArrivalProfile.million(requests: 1_000).length == 5_000)
    }

    @Test("the same seed makes the same times, another one makes others") func seeds() {
        let (first, again) = (
            ArrivalProfile.firstSecond(requests: 99, seed: 7), ArrivalProfile.firstSecond(requests: 99, seed: 7)
        )
        #expect(first == again)
        #expect(first.due != ArrivalProfile.firstSecond(requests: 99, seed: 8).due)
    }

    @Test("times never descend, also over the border of two intervals") func ascending() {
        let due = ArrivalProfile.jump(10, base: 1_000, seconds: 1).due
        #expect(zip(due, due.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("a trace has a count for each interval, or a time for each request") func traces() throws {
        let counts = try ArrivalProfile.trace("# one sale\ncounts 100\n3\n\n 0 \n2\r\n")
        #expect(counts.due.count == 5 && counts.length == 300_000)
        #expect(counts.due.prefix(3).allSatisfy { $0 < 100_000 } && counts.due.suffix(2).allSatisfy { $0 >= 200_000 })
        let times = try ArrivalProfile.trace("times\n0\n1500\n1500\n20000\n")
        #expect(times.due == [0, 1_500, 1_500, 20_000] && times.length == 20_000)
    }

    @Test(
        "a bad line of a trace is refused with its number and its value",
        arguments: [
            ("counts 0\n1", 1, "\"0\""), ("counts\n1", 1, "\"counts\""), ("rates 5\n1", 1, "\"rates 5\""),
            ("# nothing", 1, "empty"), ("times", 1, "no line"), ("counts 100\n5\n-1", 3, "\"-1\""),
            ("counts 100\n5\n\nmany", 4, "\"many\""),
            ("counts 100\n5000000\n1", 3, "0 to 0"), ("times\n10\n9", 3, "\"9\""), ("times\n1.5", 2, "\"1.5\""),
            ("counts 60000\n" + String(repeating: "1\n", count: 61), 62, "longer than 3600 s"),
            ("times\n99999999999999999999", 2, "99999999999999999999"),
        ])
    func badTraces(text: String, line: Int, named: String) {
        let error = #expect(throws: TraceError.self) { try ArrivalProfile.trace(text) }
        #expect(error?.line == line && error?.reason.contains(named) == true, "\(String(describing: error))")
    }
}
