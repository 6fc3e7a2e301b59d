import Testing
import TrancheCore

@Suite("Pauses of refused callers") struct RetryAfterTests {
    let pauses = RetryAfter(firstMilliseconds: 1_000, longestMilliseconds: 10_000)

    @Test("each refusal doubles the pause, up to the longest") func growing() {
        let longest = (0..<7).map { self.pauses.milliseconds(refusals: $0, draw: 0) }
        #expect(longest == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
        #expect(self.pauses.milliseconds(refusals: .max, draw: 0) == 10_000)
        #expect(self.pauses.milliseconds(refusals: -1, draw: 0) == 1_000)
    }

    @Test("half of the pause is drawn, evenly", arguments: [UInt64(1), 2]) func jitter(seed: UInt64) {
        var draw = SeededDraw(seed)
        let waits = (0..<10_000).map { _ in self.pauses.milliseconds(refusals: 1, draw: draw.next()) }
        #expect(waits.allSatisfy { (1_000...2_000).contains($0) })
        let early = waits.filter { $0 < 1_500 }.count
        #expect((4_700...5_300).contains(early), "\(early)")
    }

    @Test("in a line the pause is the time until those ahead have passed, within the limits") func inLine() {
        #expect(self.pauses.milliseconds(ahead: 100, perMinute: 1_200, draw: 0) == 5_000)
        #expect(self.pauses.milliseconds(ahead: 0, perMinute: 1_200, draw: 0) == 1_000)
        #expect(self.pauses.milliseconds(ahead: 1_000_000, perMinute: 1, draw: 0) == 10_000)
        #expect(self.pauses.milliseconds(ahead: .max, perMinute: 1, draw: 0) == 10_000)
        #expect(self.pauses.milliseconds(ahead: -5, perMinute: 5, draw: 0) == 1_000)
        #expect(self.pauses.milliseconds(ahead: 5, perMinute: 0, draw: 0) == 10_000)
    }

    @Test("the header has whole seconds, and never less than the pause") func wholeSeconds() {
        #expect([0, 1, 999, 1_000, 1_001, 10_000].map { RetryAfter.seconds(milliseconds: $0) } == [1, 1, 1, 1, 2, 10])
    }

    @Test("the shortest pause is not zero") func shortest() {
        let one = RetryAfter(firstMilliseconds: 1, longestMilliseconds: 1)
        #expect(one.milliseconds(refusals: 5, draw: .max) == 1)
    }
}
