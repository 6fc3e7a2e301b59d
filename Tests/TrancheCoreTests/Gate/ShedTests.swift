import Testing
import TrancheCore

@Suite("Shedding under overload") struct AdmittedShareTests {
    private let start = Instant(milliseconds: 1_700_000_000_000)

    /// Observes ten times a second.
    private func observe(
        _ share: inout AdmittedShare, seconds: Int, from now: inout Instant, waiting: Int
    ) {
        for _ in 0..<seconds * 10 {
            share.observe(waitingMilliseconds: waiting, now: now)
            now = now.advanced(milliseconds: 100)
        }
    }

    @Test("without load everything is admitted") func calm() {
        let share = AdmittedShare()
        for request in GateRequestClass.allCases { #expect(share.admits(request, draw: .max)) }
    }

    @Test("a second over 20 ms of waiting takes 5 % of the share", arguments: [(21, 950), (20, 1_000), (0, 1_000)])
    func oneWindow(waiting: Int, permille: Int) {
        var (share, now) = (AdmittedShare(), self.start)
        self.observe(&share, seconds: 1, from: &now, waiting: waiting)
        #expect(share.permille == 1_000, "a whole second is needed")
        share.observe(waitingMilliseconds: waiting, now: now)
        #expect(share.permille == permille)
    }

    @Test("2,000 requests end a window before the second is over") func windowOfRequests() {
        var (share, now) = (AdmittedShare(), self.start)
        share.observe(waitingMilliseconds: 100, requests: 1_000, now: now)
        now = now.advanced(milliseconds: 10)
        share.observe(waitingMilliseconds: 100, requests: 999, now: now)
        #expect(share.permille == 1_000)
        share.observe(waitingMilliseconds: 100, requests: 1, now: now)
        #expect(share.permille == 950)
        share.observe(waitingMilliseconds: 100, requests: 1_999, now: now)
        #expect(share.permille == 950, "the next window counts anew")
    }

    @Test("a process that cannot shed some classes sheds its first one with the first step") func ownClasses() {
        var (share, now) = (AdmittedShare(classes: [.purchase, .payment, .events]), self.start)
        self.observe(&share, seconds: 1, from: &now, waiting: 100)
        share.observe(waitingMilliseconds: 100, now: now)
        #expect(share.permille(of: .events) == 900 && share.permille(of: .purchase) == 1_000)
        #expect(share.permille(of: .token) == 1_000 && share.admits(.payment, draw: .max))
        self.observe(&share, seconds: 300, from: &now, waiting: 100)
        #expect(share.permille(of: .purchase) == 2 * AdmittedShare.lowestPermille)
        #expect(share.admits(.payment, draw: .max))
        share.restore()
        #expect(share.permille(of: .events) == 1_000)
    }

    @Test("the average of the second counts, not its worst moment") func average() {
        var (share, now) = (AdmittedShare(), self.start)
        share.observe(waitingMilliseconds: 190, now: now)
        now = now.advanced(milliseconds: 100)
        self.observe(&share, seconds: 1, from: &now, waiting: 0)
        #expect(share.permille == 1_000)
    }

    @Test("the share recovers by 1 % of the whole in a second, up to all of it") func recovers() {
        var (share, now) = (AdmittedShare(), self.start)
        self.observe(&share, seconds: 300, from: &now, waiting: 100)
        #expect(share.permille == AdmittedShare.lowestPermille)
        self.observe(&share, seconds: 10, from: &now, waiting: 0)
        #expect((130...150).contains(share.permille), "\(share.permille)")
        self.observe(&share, seconds: 100, from: &now, waiting: 0)
        #expect(share.permille == 1_000)
    }

    @Test("a class is shed only when all less valuable ones are shed whole, and the protected ones never")
    func orderOfClasses() {
        var (share, now) = (AdmittedShare(), self.start)
        var shed: Set<GateRequestClass> = []
        for _ in 0..<120 {
            self.observe(&share, seconds: 1, from: &now, waiting: 100)
            var isLess = true
            for request in GateRequestClass.allCases {
                let admitted = share.permille(of: request)
                if request.isProtected {
                    #expect(admitted == 1_000 && share.admits(request, draw: .max))
                } else {
                    #expect(isLess || admitted == 1_000, "\(request) at \(share.permille)")
                    if admitted < 1_000 { shed.insert(request) }
                    isLess = admitted == 0
                }
            }
        }
        #expect(shed == [.events, .status, .entry, .token, .purchase])
    }

    @Test("of the class at the edge the share of draws is admitted") func edgeClass() {
        var (share, now) = (AdmittedShare(), self.start)
        while share.permille(of: .events) == 1_000 { self.observe(&share, seconds: 1, from: &now, waiting: 100) }
        var draw = SeededDraw(3)
        let admitted = (0..<10_000).filter { _ in share.admits(.events, draw: UInt32(truncatingIfNeeded: draw.next())) }
        let expected = share.permille(of: .events) * 10
        #expect((expected - 200...expected + 200).contains(admitted.count), "\(admitted.count) of \(expected)")
        #expect(share.admits(.events, draw: 0) && !share.admits(.events, draw: .max))
    }

    @Test("a class that is shed whole admits no draw, not even the lowest") func shedWhole() {
        var (share, now) = (AdmittedShare(), self.start)
        self.observe(&share, seconds: 60, from: &now, waiting: 100)
        #expect(share.permille(of: .events) == 0 && !share.admits(.events, draw: 0))
    }

    @Test("absurd measurements and a step back of the clock stop nothing") func extremes() {
        var share = AdmittedShare()
        for moment in [0, 5_000_000, -7, Int64.max, 0, 2_000_000] as [Int64] {
            share.observe(waitingMilliseconds: .max, requests: .min, now: Instant(microseconds: moment))
            share.observe(waitingMilliseconds: .min, requests: .max, now: Instant(microseconds: moment))
        }
        #expect((AdmittedShare.lowestPermille...1_000).contains(share.permille))
    }
}

@Suite("Breaker of calls to a failing peer") struct BreakerTests {
    private let start = Instant(milliseconds: 1_700_000_000_000)
    private func after(_ milliseconds: Int64) -> Instant { self.start.advanced(milliseconds: milliseconds) }

    private func opened() -> Breaker {
        var breaker = Breaker(firstPauseMilliseconds: 500, longestPauseMilliseconds: 3_000)
        for _ in 0..<5 { breaker.failed(now: self.start) }
        return breaker
    }

    @Test("five failures in a row open it; a success between them begins the row again") func opens() {
        var breaker = Breaker()
        for _ in 0..<4 { breaker.failed(now: self.start) }
        breaker.succeeded()
        for _ in 0..<4 { breaker.failed(now: self.start) }
        #expect(breaker.permits(now: self.start) == true)
        breaker.failed(now: self.start)
        #expect(!breaker.permits(now: self.start) && !breaker.permits(now: self.after(499)))
        #expect(breaker.pauseLeftMilliseconds(now: self.start) == 500)
    }

    @Test("after the pause one call goes out; its success closes it") func probe() {
        var breaker = self.opened()
        #expect(breaker.permits(now: self.after(500)) == true)
        #expect(breaker.permits(now: self.after(501)) == false, "a second call beside the probe")
        breaker.succeeded()
        #expect(breaker.permits(now: self.after(502)) && breaker.permits(now: self.after(502)))
        #expect(breaker.state == .closed(failures: 0) && breaker.pauseLeftMilliseconds(now: self.start) == 0)
    }

    @Test("each failed probe doubles the pause, up to the limit") func doubling() {
        var breaker = self.opened()
        var (now, pauses) = (self.start, [Int64]())
        for _ in 0..<5 {
            let pause = breaker.pauseLeftMilliseconds(now: now)
            pauses.append(pause)
            now = now.advanced(milliseconds: pause)
            #expect(breaker.permits(now: now) == true)
            breaker.failed(now: now)
        }
        #expect(pauses == [500, 1_000, 2_000, 3_000, 3_000])
    }

    @Test("a probe that never reports is replaced") func lostProbe() {
        var breaker = self.opened()
        #expect(breaker.permits(now: self.after(500)) == true)
        #expect(!breaker.permits(now: self.after(999)) && breaker.permits(now: self.after(1_000)))
    }

    @Test("reports of calls from before it opened change nothing") func lateReports() {
        var breaker = self.opened()
        let before = breaker
        breaker.succeeded()
        breaker.failed(now: self.after(400))
        #expect(breaker == before)
    }

    @Test("who is refused comes back after the probe, and not with all others") func refusedComeBackLater() {
        let breaker = self.opened()
        var draw = SeededDraw(5)
        let pauses = (0..<1_000).map { _ in breaker.retryAfterMilliseconds(now: self.after(100), draw: draw.next()) }
        #expect(pauses.allSatisfy { $0 >= 400 + 500 && $0 <= 400 + 1_000 })
        #expect(Set(pauses).count > 300)
        #expect(!breaker.isClosed && Breaker().isClosed)
        #expect(Breaker().retryAfterMilliseconds(now: self.start, draw: .max) <= 1_000)
    }
}
