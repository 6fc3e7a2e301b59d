import Edge
import Testing

/// The deadlines of one connection, tested without a connection.
@Suite("Edge: how long a request may take") struct EdgeRequestWatchTests {
    private static let second: Int64 = 1_000_000
    private static let start: Int64 = 1_000 * second

    private func seconds(_ count: Double) -> Int64 { Self.start + Int64(count * Double(Self.second)) }
    private func watch(bytesLimit: Int = 100) -> RequestWatch { RequestWatch(bytesLimit: bytesLimit, now: Self.start) }

    private func overdue(_ watch: RequestWatch, _ after: Double, isCrowded: Bool = false) -> RequestWatch.Overdue? {
        watch.overdue(now: self.seconds(after), isCrowded: isCrowded)
    }

    @Test("a head has 5 s from its first byte, however often a byte comes") func headHasFiveSeconds() {
        var watch = self.watch()
        watch.received(1, now: self.seconds(2))
        for step in 1...9 { watch.received(1, now: self.seconds(2 + Double(step) * 0.5)) }
        #expect(self.overdue(watch, 6.9) == nil)
        #expect(self.overdue(watch, 7) == .head)
        watch.headEnded()
        #expect(self.overdue(watch, 7) == nil)
    }

    @Test("a body has 10 s from the request's first byte, not from the body's first byte")
    func bodyHasTenSecondsFromStart() {
        var watch = self.watch()
        watch.received(1, now: self.seconds(0))
        watch.headEnded()
        watch.received(1, now: self.seconds(9.9))
        #expect(self.overdue(watch, 9.9) == nil)
        #expect(self.overdue(watch, 10) == .body)
        watch.requestEnded()
        #expect(self.overdue(watch, 10) == nil, "a whole request may wait for its answer")
        #expect(self.overdue(watch, 100_000) == nil)
    }

    @Test("each request has its own 5 s") func eachRequestHasItsOwnDeadline() {
        var watch = self.watch()
        watch.received(10, now: self.seconds(0))
        watch.headEnded()
        watch.requestEnded()
        watch.answered(now: self.seconds(4))
        watch.received(1, now: self.seconds(4))
        #expect(self.overdue(watch, 8.9) == nil)
        #expect(self.overdue(watch, 9) == .head)
    }

    @Test("an idle connection has a minute, and 10 s while the listener is crowded")
    func idleConnectionHasAMinute() {
        var watch = self.watch()
        #expect(self.overdue(watch, 59.9) == nil)
        #expect(self.overdue(watch, 60) == .idle)
        #expect(self.overdue(watch, 9.9, isCrowded: true) == nil)
        #expect(self.overdue(watch, 10, isCrowded: true) == .idle)
        watch.received(1, now: self.seconds(1))
        #expect(watch.idle == nil)
        watch.headEnded()
        watch.requestEnded()
        #expect(watch.idle == nil, "a connection that waits for an answer is not idle")
        watch.answered(now: self.seconds(20))
        #expect(watch.idle == self.seconds(20))
        #expect(self.overdue(watch, 29.9, isCrowded: true) == nil)
        #expect(self.overdue(watch, 30, isCrowded: true) == .idle)
    }

    @Test("after an answer that comes before the end of its request, the connection counts as idle")
    func earlyAnswerLeavesIdleConnection() {
        var watch = self.watch()
        watch.received(10, now: self.seconds(1))
        watch.headEnded()
        watch.answered(now: self.seconds(1))
        #expect(watch.idle == nil, "its body is on the way")
        #expect(!watch.isOnlyRequest, "nothing more can be said to it")
        #expect(self.overdue(watch, 11) == .body)
        watch.requestEnded()
        #expect(watch.isOnlyRequest)
        #expect(watch.idle == self.seconds(1))
        #expect(self.overdue(watch, 61) == .idle)
        // The next one is counted rightly.
        watch.received(10, now: self.seconds(12))
        watch.headEnded()
        watch.requestEnded()
        #expect(!watch.isOnlyRequest)
        watch.answered(now: self.seconds(13))
        #expect(watch.idle == self.seconds(13))
    }

    @Test("a client has 10 s to read an answer, and 2 s to close after the last answer")
    func unreadAnswersHaveTenSeconds() {
        var watch = self.watch()
        watch.setUnsent(true, now: self.seconds(1))
        watch.setUnsent(true, now: self.seconds(9))
        #expect(watch.idle == nil)
        #expect(self.overdue(watch, 10.9) == nil)
        #expect(self.overdue(watch, 11) == .unsent)
        watch.setUnsent(false, now: self.seconds(11))
        #expect(self.overdue(watch, 11) == nil)
        watch.leave(now: self.seconds(12))
        watch.leave(now: self.seconds(13))
        #expect(watch.idle == nil && !watch.isOnlyRequest)
        #expect(self.overdue(watch, 13.9) == nil)
        #expect(self.overdue(watch, 14) == .leaving)
    }

    @Test("bytes count until a request is whole") func bytesCountUntilRequestIsWhole() {
        var watch = self.watch(bytesLimit: 100)
        watch.received(100, now: Self.start)
        #expect(!watch.isTooLong)
        watch.received(1, now: Self.start)
        #expect(watch.isTooLong)
        watch.requestEnded()
        #expect(!watch.isTooLong)
    }
}
