import Testing
import TrancheCore

@Suite("Times of answers") struct AnswerTimingTests {
    private let made = Instant(milliseconds: 1_700_000_000_000)

    private func answer(_ timing: inout AnswerTiming, after milliseconds: Int64) -> AnswerTiming.Verdict {
        timing.judge(
            madeAt: self.made, answeredAt: self.made.advanced(milliseconds: milliseconds), minimumMilliseconds: 1_000)
    }

    @Test("an answer after the shortest time is a person's; one before it is suspicious") func edge() {
        var timing = AnswerTiming()
        #expect(self.answer(&timing, after: 1_000) == .person)
        #expect(self.answer(&timing, after: 999) == .suspicious(level: 1))
        #expect(self.answer(&timing, after: 0) == .suspicious(level: 2))
    }

    @Test("three fast answers in a row block for ten minutes") func lockOut() {
        var timing = AnswerTiming()
        _ = self.answer(&timing, after: 10)
        _ = self.answer(&timing, after: 20)
        let until = self.made.advanced(milliseconds: 30 + 600_000)
        #expect(self.answer(&timing, after: 30) == .blocked(until: until))
        #expect(self.answer(&timing, after: 5_000) == .blocked(until: until), "a slow answer does not end the block")
        #expect(self.answer(&timing, after: 30 + 599_999) == .blocked(until: until))
        #expect(timing.block(at: until) == nil)
        #expect(self.answer(&timing, after: 30 + 600_000) == .person)
        #expect(timing == AnswerTiming())
    }

    @Test("a slow answer between them begins the row again") func slowAnswer() {
        var timing = AnswerTiming()
        for _ in 0..<10 {
            #expect(self.answer(&timing, after: 10) == .suspicious(level: 1))
            #expect(self.answer(&timing, after: 10) == .suspicious(level: 2))
            #expect(self.answer(&timing, after: 2_000) == .person)
        }
    }

    @Test("an answer from before its challenge is too fast") func clocksDiffer() {
        var timing = AnswerTiming()
        #expect(self.answer(&timing, after: -5_000) == .suspicious(level: 1))
    }

    @Test("without a shortest time every answer is a person's") func noMinimum() {
        var timing = AnswerTiming()
        let verdict = timing.judge(madeAt: self.made, answeredAt: self.made, minimumMilliseconds: 0)
        #expect(verdict == .person)
    }

    @Test("a stored suspicion goes on where it was", arguments: [(-1, 1), (0, 1), (1, 2)]) func stored(
        level: Int, next: Int
    ) {
        var timing = AnswerTiming(level: level)
        #expect(self.answer(&timing, after: 0) == .suspicious(level: next))
        var damaged = AnswerTiming(level: .max)
        #expect(self.answer(&damaged, after: 0) == .blocked(until: self.made.advanced(milliseconds: 600_000)))
    }
}

@Suite("Attempts") struct AttemptsTests {
    @Test("a new number comes only after the last one ended without an order") func numbers() {
        #expect(Attempts.next(after: .none) == Attempt(number: 1, isNew: true))
        #expect(Attempts.next(after: .live(3)) == Attempt(number: 3, isNew: false))
        #expect(Attempts.next(after: .lapsed(3)) == Attempt(number: 3, isNew: false))
        #expect(Attempts.next(after: .ordered(3)) == Attempt(number: 3, isNew: false))
        #expect(Attempts.next(after: .ended(3)) == Attempt(number: 4, isNew: true))
    }

    @Test("the numbers have a limit") func limit() {
        #expect(Attempts.next(after: .ended(Limits.attempts - 1))?.number == Limits.attempts)
        #expect(Attempts.next(after: .ended(Limits.attempts)) == nil)
        #expect(Attempts.next(after: .ended(.max)) == nil)
        #expect(Attempts.next(after: .ordered(Limits.attempts))?.isNew == false)
    }
}

@Suite("Bands of stock") struct StockBandTests {
    @Test(
        "more than a fifth is many; nothing is gone, contest or not",
        arguments: [
            (21, 100, false, .many), (20, 100, false, .few), (1, 100, false, .few), (0, 100, false, .gone),
            (-1, 100, false, .gone), (21, 100, true, .contested), (1, 100, true, .contested), (0, 100, true, .gone),
            (1, 4, false, .many), (1, 5, false, .few), (5, 0, false, .many), (.max, .max, false, .many),
        ] as [(Int, Int, Bool, StockBand)])
    func bands(left: Int, issued: Int, isContested: Bool, band: StockBand) {
        #expect(StockBand(left: left, issued: issued, isContested: isContested) == band)
    }

    @Test("the bands have the names of the documents") func names() {
        #expect(StockBand.allCases.map(\.rawValue) == ["many", "few", "contested", "gone"])
    }
}

@Suite("Refusals of the gate") struct GateRefusalTests {
    private static let all: [GateRefusal] = [
        .badIdentity("expired"), .badTicket("forged"), .notAdmitted(retryAfterMilliseconds: 1), .notEligible(rule: "a"),
        .blocked(until: nil), .notStarted(opensAt: .distantFuture), .paused, .ended,
        .entryClosed(openedAt: .distantPast),
        .challengeRequired, .challengeFailed, .challengeSpent, .tooFast(level: 1), .soldOut,
        .rateLimited(retryAfterMilliseconds: 2), .overloaded(retryAfterMilliseconds: 3),
        .recovering(retryAfterMilliseconds: 4), .tooEarly(retryAfterMilliseconds: 5),
        .sessionLimited(retryAfterMilliseconds: 6),
    ]

    @Test("each refusal has a code of its own") func codes() {
        let codes = Self.all.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { code in code.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 } })
    }

    @Test("those that may change by themselves say when to come again") func waits() {
        #expect(Self.all.compactMap(\.retryAfterMilliseconds) == [1, 2, 3, 4, 5, 6])
    }
}
