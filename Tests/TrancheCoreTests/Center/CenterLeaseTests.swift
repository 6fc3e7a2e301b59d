import Testing
import TrancheCore

@Suite("Lease of centers") struct CenterLeaseTests {
    private typealias Row = CenterLease.Row
    private let start = Instant(milliseconds: 1_000_000)

    /// A lease whose looks have seen `row` every 250 ms until `milliseconds`.
    private func lease(seeing row: CenterLease.Row, until milliseconds: Int64) -> CenterLease {
        var lease = CenterLease(address: "http://b", process: 2)
        for at in stride(from: 0, through: milliseconds, by: Int64.Stride(CenterLease.lookMilliseconds)) {
            let now = self.start.advanced(milliseconds: at)
            guard let act = lease.next(now: now), act == .look else { return lease }
            lease.ended(.row(row), now: now)
        }
        return lease
    }

    @Test("a row that nobody has is taken at once, with the next epoch") func freeRowIsTaken() {
        let row = Row(epoch: Epoch(4), holder: "", process: 9, beat: 17)
        var lease = self.lease(seeing: row, until: 0)
        #expect(lease.next(now: self.start) == .take(row))
        #expect(lease.next(now: self.start) == nil, "one act at a time")
        lease.ended(.row(Row(epoch: Epoch(5), holder: "http://b", process: 2, beat: 18)), now: self.start)
        #expect(lease.role == .leading(Epoch(5)))
        #expect(lease.leader == "http://b")
    }

    @Test("a leader is replaced after 3 seconds without a beat, and not before") func silentLeaderIsReplaced() {
        let row = Row(epoch: Epoch(4), holder: "http://a", process: 1, beat: 17)
        var early = self.lease(seeing: row, until: 2_750)
        #expect(early.role == .standby && early.leader == "http://a")
        #expect(early.next(now: self.start.advanced(milliseconds: 2_999)) == nil)
        var late = self.lease(seeing: row, until: 3_000)
        #expect(late.next(now: self.start.advanced(milliseconds: 3_000)) == .take(row))
    }

    @Test("each beat that is seen begins the wait anew") func beatBeginsWaitAnew() {
        var row = Row(epoch: Epoch(4), holder: "http://a", process: 1, beat: 17)
        var lease = self.lease(seeing: row, until: 2_750)
        row.beat += 1
        for at in stride(from: 3_000, to: 6_000, by: Int64.Stride(CenterLease.lookMilliseconds)) as StrideTo<Int64> {
            let now = self.start.advanced(milliseconds: at)
            #expect(lease.next(now: now) == .look)
            lease.ended(.row(row), now: now)
        }
        let now = self.start.advanced(milliseconds: 6_000)
        #expect(lease.next(now: now) == .look)
        lease.ended(.row(row), now: now)
        #expect(lease.next(now: now) == .take(row))
    }

    @Test("a clock that steps forward takes nothing by itself") func steppedClockTakesNothing() {
        let row = Row(epoch: Epoch(4), holder: "http://a", process: 1, beat: 17)
        var lease = self.lease(seeing: row, until: 250)
        let later = self.start.advanced(milliseconds: 3_600_000)
        #expect(lease.next(now: later) == .look)
        lease.ended(.row(row), now: later)
        #expect(lease.next(now: later) == nil)
    }

    @Test("a clock that steps back stops no looks") func clockThatWentBackStopsNothing() {
        var lease = self.lease(seeing: Row(epoch: Epoch(4), holder: "http://a", process: 1, beat: 17), until: 250)
        #expect(lease.next(now: self.start.advanced(milliseconds: -3_600_000)) == .look)
    }

    @Test("a process that starts again at its address does not wait for itself") func restartTakesAtOnce() {
        let row = Row(epoch: Epoch(4), holder: "http://b", process: 1, beat: 17)
        var lease = self.lease(seeing: row, until: 0)
        #expect(lease.next(now: self.start) == .take(row))
        // Another process has the same address and lives: from then on the address counts no more.
        lease.ended(.row(Row(epoch: Epoch(4), holder: "http://b", process: 1, beat: 18)), now: self.start)
        #expect(lease.next(now: self.start) == nil)
        #expect(lease.role == .standby)
    }

    private func leading() -> CenterLease {
        var lease = self.lease(seeing: Row(epoch: Epoch(4), holder: "", process: 9, beat: 17), until: 0)
        _ = lease.next(now: self.start)
        lease.ended(.row(Row(epoch: Epoch(5), holder: "http://b", process: 2, beat: 18)), now: self.start)
        return lease
    }

    @Test("a leader that sees another epoch stands by") func newerEpochEndsLead() {
        var lease = self.leading()
        let now = self.start.advanced(milliseconds: 500)
        #expect(lease.next(now: now) == .beat(Epoch(5)))
        lease.ended(.row(Row(epoch: Epoch(6), holder: "http://a", process: 1, beat: 40)), now: now)
        #expect(lease.role == .standby && lease.leader == "http://a")
    }

    @Test("a leader that cannot beat for 3 seconds stands by, and takes its own lease back at once")
    func leaderThatCannotBeatStandsDown() {
        var lease = self.leading()
        for at in stride(from: 500, to: 3_000, by: Int64.Stride(CenterLease.beatMilliseconds)) as StrideTo<Int64> {
            let now = self.start.advanced(milliseconds: at)
            #expect(lease.next(now: now) == .beat(Epoch(5)))
            lease.ended(.noAnswer, now: now)
            #expect(lease.role == .leading(Epoch(5)))
        }
        let now = self.start.advanced(milliseconds: 3_000)
        #expect(lease.next(now: now) == .look)
        #expect(lease.role == .standby && lease.leader == nil)
        let row = Row(epoch: Epoch(5), holder: "http://b", process: 2, beat: 18)
        lease.ended(.row(row), now: now)
        #expect(lease.next(now: now) == .take(row), "with a new epoch: what it had not committed is over")
    }

    @Test("a center that has the row and cannot lead leaves it to others for 5 seconds") func failedLeadAbstains() {
        var lease = self.leading()
        lease.abstain(now: self.start)
        #expect(lease.role == .standby)
        let free = Row(epoch: Epoch(5), holder: "", process: 2, beat: 19)
        for at in stride(from: 250, to: 5_000, by: 250) as StrideTo<Int64> {
            let now = self.start.advanced(milliseconds: at)
            #expect(lease.next(now: now) == .look)
            lease.ended(.row(free), now: now)
        }
        let now = self.start.advanced(milliseconds: 5_000)
        #expect(lease.next(now: now) == .look)
        lease.ended(.row(free), now: now)
        #expect(lease.next(now: now) == .take(free))
    }

    @Test("a take without an answer is found out by the next look") func lostTakeIsFoundOut() {
        let row = Row(epoch: Epoch(4), holder: "", process: 9, beat: 17)
        var lease = self.lease(seeing: row, until: 0)
        #expect(lease.next(now: self.start) == .take(row))
        lease.ended(.noAnswer, now: self.start)
        #expect(lease.role == .standby)
        let (now, own) = (
            self.start.advanced(milliseconds: 250), Row(epoch: Epoch(5), holder: "http://b", process: 2, beat: 18)
        )
        #expect(lease.next(now: now) == .look)
        lease.ended(.row(own), now: now)
        #expect(lease.next(now: now) == .take(own))
    }
}
