import Testing
import TrancheCore

@Suite("Unit machine and its center") struct UnitMachineCenterTests {
    @Test("repeated, late and stale directives change nothing") func staleDirectivesChangeNothing() {
        let bench = Bench(granted: 3)
        for _ in 0..<3 { bench.feed(.directives(bench.directives(granted: 7, epoch: 2))) }
        bench.feed(.directives(bench.directives(granted: 5, epoch: 2)))
        bench.feed(.directives(bench.directives(granted: 50, epoch: 1)))
        #expect(bench.counters.granted == 7)
        bench.feed(.tick)
        #expect(bench.redis[Bench.lot]?.available == 7)
    }

    @Test("a reclaim is carried out once, and takes only what is free") func reclaimTakesFreeStockOnce() {
        let bench = Bench(granted: 5)
        bench.buy("a")
        let hint = ReclaimHint(number: 4, keep: 1)
        for _ in 0..<3 { bench.feed(.directives(bench.directives(granted: 5, hint: hint))) }
        #expect(bench.counters == QuotaCounters(granted: 5, returned: 3, sold: 1, cancelled: 0))
        bench.feed(.tick)
        #expect(bench.redis[Bench.lot]?.available == 1)
        bench.feed(.reportDue(nonce: 1))
        #expect(bench.reports.last?.lots.first?.hintDone == 4)
    }

    @Test("nothing is sold before the center or Redis has vouched for the ledger") func unvouchedLedgerSellsNothing() {
        var book = UnitBook()
        book.apply(.opened(Incarnation(1)))
        var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: .empty)
        var output = UnitOutput()
        machine.handle(.surveyed(nil), now: .distantPast, into: &output)
        for _ in 0..<9 { machine.handle(.registrationFailed, now: .distantPast, into: &output) }
        #expect(!machine.mayIssue, "neither the center nor Redis vouched")
        // A Redis that saw this ledger vouches while the center is away, after some failed calls, and if it is the
        // process that the ledger names.
        book.apply(.redis(RedisRun(rawValue: 5)))
        let head = LedgerHead(position: 4, digest: .init(high: 1, low: 2))
        let other = LedgerHead(position: 4, digest: .init(high: 9, low: 9))
        for (proof, run, failures, expected) in [
            (head, 5, 3, true), (head, 5, 2, false), (head, 6, 3, false), (other, 5, 3, false),
        ] {
            var machine = UnitMachine(unit: UnitID(1), ledger: LedgerID(3), session: 9, book: book, head: head)
            let survey = RedisSurvey(
                ledger: LedgerID(3), witness: head, proof: proof,
                run: RedisRun(rawValue: UInt64(run)))
            machine.handle(.surveyed(survey), now: .distantPast, into: &output)
            for _ in 0..<failures { machine.handle(.registrationFailed, now: .distantPast, into: &output) }
            #expect(machine.mayIssue == expected, "\(proof), \(run), \(failures)")
        }
    }

    @Test("a process that the center does not know any more sells nothing until the center accepts it again")
    func unknownProcessSellsNothing() {
        let bench = Bench(granted: 5)
        bench.feed(.registrationLost)
        #expect(!bench.machine.mayIssue)
        #expect(bench.buy("a") == .refused(.recovering))
        for _ in 0..<9 { bench.feed(.registrationFailed) }
        #expect(!bench.machine.mayIssue, "its generation may be settled: Redis has no word in that")
        bench.feed(.registered(.accepted(bench.directives(granted: 5))))
        #expect(bench.buy("b")?.order?.state == .reserved)
    }

    @Test("a process that finds another one alive waits, and Redis never vouches instead")
    func newcomerWaitsForLivingProcess() {
        let bench = Bench(granted: 5)
        bench.feed(.registrationLost)
        for _ in 0..<9 { bench.feed(.registered(.occupied)) }
        #expect(!bench.machine.mayIssue)
        #expect(bench.alarms.count == 1 && bench.stops.isEmpty, "it says so once")
    }

    @Test("a center's witness of another history stops a machine that was set back with its memory")
    func wrongWitnessStopsSetBackMachine() {
        let bench = Bench(granted: 5)
        let heads = (1...3).map { LedgerHead(position: UInt64($0 * 10), digest: .init(high: UInt64($0), low: 0)) }
        for head in heads.prefix(2) {
            bench.machine.committed(head)
            bench.machine.reported(head)
        }
        func hear(_ witness: LedgerHead) {
            let told = bench.directives(granted: 5)
            bench.feed(
                .directives(
                    QuotaDirectives(
                        epoch: told.epoch, unit: told.unit, generation: told.generation, lots: told.lots,
                        coordinator: told.coordinator, witness: witness)))
        }
        hear(heads[1])
        hear(heads[0])
        #expect(bench.stops.isEmpty, "what was reported, in any order")
        bench.feed(.reportDue(nonce: 2))
        #expect(bench.reports.last?.proves == 20, "the next report proves the newest one")
        hear(LedgerHead(position: 20, digest: .init(high: 99, low: 0)))
        #expect(bench.stops.count == 1, "the same place with another history")
        let ahead = Bench(granted: 5)
        ahead.machine.committed(heads[0])
        let told = ahead.directives(granted: 5)
        ahead.feed(
            .directives(
                QuotaDirectives(
                    epoch: told.epoch, unit: told.unit, generation: told.generation, lots: told.lots,
                    witness: heads[2])))
        #expect(ahead.stops.count == 1, "the center has seen more than there is")
    }

    @Test("while the center is silent and nothing is sold, a unit shows the same head of its ledger again")
    func silentCenterSeesSameHead() {
        let bench = Bench(granted: 5)
        var position: UInt64 = 0
        func report(_ nonce: UInt64, with entries: Int = 0) {
            bench.entries = []
            bench.feed(.reportDue(nonce: nonce))
            guard !bench.entries.isEmpty else { return }
            position += 1
            bench.machine.committed(LedgerHead(position: position, digest: .init(high: position, low: 0)))
            // The bench carries a report out before it knows the head of its commit.
            bench.machine.reported(LedgerHead(position: position, digest: .init(high: position, low: 0)))
        }
        func confirm(_ position: UInt64) {
            let told = bench.directives(granted: 5)
            bench.feed(
                .directives(
                    QuotaDirectives(
                        epoch: told.epoch, unit: told.unit, generation: told.generation, lots: told.lots,
                        coordinator: told.coordinator,
                        witness: LedgerHead(position: position, digest: .init(high: position, low: 0)))))
        }
        report(1)
        #expect(bench.entries == [.nonce(1)])
        for nonce: UInt64 in 2...5 { report(nonce) }
        #expect(bench.entries.isEmpty && bench.reports.last?.nonce == 1, "no answer has come")
        confirm(1)
        report(6)
        #expect(bench.entries == [.nonce(6)], "the center has seen the last one")
        confirm(1)
        report(7)
        #expect(bench.entries.isEmpty, "an older answer confirms nothing")
        // An order of which a copy of the ledger may know, too.
        bench.buy("a")
        position += 1
        bench.machine.committed(LedgerHead(position: position, digest: .init(high: position, low: 0)))
        report(8)
        #expect(bench.entries == [.nonce(8)], "after an order, a nonce tells two copies apart")
    }

    @Test("one answer per question and attempt: repeated questions cause no repeated answers")
    func repeatedQuestionGetsOneAnswer() {
        let bench = Bench(granted: 3)
        bench.feed(.registrationLost)
        for challenge: UInt64 in [7, 7, 8, 8, 8] {
            bench.feed(.registered(.proofRequired(position: 0, challenge: challenge, earlier: [])))
        }
        #expect(bench.answered == [7, 8])
    }

    @Test("directives to a ledger that is not vouched for are ignored, without an alarm")
    func unvouchedLedgerTakesNoDirectives() {
        let bench = Bench(granted: 3, issued: 10)
        bench.feed(.registrationLost)
        // The ledger may have been set back: it would not have the returns since then.
        bench.feed(.directives(bench.directives(granted: 11)))
        bench.feed(.directives(bench.directives(granted: 9)))
        #expect(bench.counters.granted == 3)
        #expect(bench.alarms.isEmpty)
        bench.feed(.registered(.accepted(bench.directives(granted: 9))))
        #expect(bench.counters.granted == 9)
    }

    @Test("grants above the issue and jumps of epochs are ignored, with an alarm")
    func impossibleDirectivesAreNotBelieved() {
        let bench = Bench(granted: 3, issued: 10)
        bench.feed(.directives(bench.directives(granted: 11)))
        #expect(bench.counters.granted == 3)
        bench.feed(.directives(bench.directives(granted: 10)))
        #expect(bench.counters.granted == 10)
        bench.feed(.directives(bench.directives(granted: 10, epoch: 1 << 40)))
        #expect(bench.machine.epoch == Epoch(1))
        bench.feed(.directives(bench.directives(granted: 10, epoch: 2)))
        #expect(bench.machine.epoch == Epoch(2))
        #expect(bench.alarms.count == 2)
    }

    @Test("no request waits longer for quota because the wall clock was set back") func holdIgnoresClockSetBack() {
        let bench = Bench(granted: 0, windowMilliseconds: 60_000)
        bench.steady = bench.now
        bench.feed(.directives(bench.directives(granted: 0, elsewhere: 9)))
        #expect(bench.buy("a") == nil)
        bench.now = bench.now.advanced(milliseconds: -3_600_000)
        bench.steady = bench.steady?.advanced(milliseconds: 2_500)
        bench.feed(.tick)
        #expect(bench.replies.last?.answer == .refused(.restocking))
    }

    @Test("a wall clock that is set back lengthens no retry pause") func clockSetBackStopsNoPause() {
        let bench = Bench(granted: 3)
        bench.redis = RedisModel()
        bench.steady = bench.now.advanced(milliseconds: 60_000)
        bench.now = bench.now.advanced(milliseconds: -3_600_000)
        bench.feed(.tick)  // The silent Redis is probed, found empty, and primed again.
        #expect(bench.redis[Bench.lot] != nil)
        bench.feed(.registrationLost)
        bench.feed(.registrationFailed)
        let before = bench.registrations
        bench.steady = bench.steady?.advanced(milliseconds: 1_000)
        bench.feed(.tick)
        #expect(bench.registrations == before + 1, "the next attempt does not wait for the wall clock")
    }
}
