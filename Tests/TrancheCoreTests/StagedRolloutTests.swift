import Testing
import TrancheCore

@Suite("Staged rollouts of rules") struct StagedRolloutTests {
    /// Units 1 and 2 are in "eu", unit 3 in "us".
    private static let regions = [UnitID(1): "eu", UnitID(2): "eu", UnitID(3): "us"]
    private static let terms = StagedRollout.Terms(
        watchMilliseconds: 60_000, risePermille: 50, latencyPercent: 200, leastAnswers: 100)

    private func fleet(_ regions: [UnitID: String] = Self.regions, pilot: UInt16 = 1) -> StagedRollout.Fleet {
        StagedRollout.Fleet(regions: regions, pilot: UnitID(pilot))
    }

    private func rollout(
        _ stage: StagedRollout.Stage = .unit, isHeld: Bool = false, _ regions: [UnitID: String] = Self.regions,
        pilot: UInt16 = 1
    ) -> StagedRollout {
        StagedRollout(terms: Self.terms, fleet: self.fleet(regions, pilot: pilot), stage: stage, isHeld: isHeld)
    }

    /// - Parameter bucket: In which all orders are: 3 is up to 5 ms, 9 up to 500 ms.
    private static func figures(_ ordered: Int, _ refused: [String: Int] = [:], bucket: Int = 3) -> PurchaseFigures {
        var durations = [Int](repeating: 0, count: PurchaseFigures.bounds.count + 1)
        durations[bucket] = ordered
        return PurchaseFigures(refused: refused, durations: durations)
    }

    private func seen(
        _ new: PurchaseFigures = Self.figures(1_000), old: PurchaseFigures = Self.figures(1_000),
        before: PurchaseFigures = Self.figures(1_000), watched: Int64 = 60_000
    ) -> StagedRollout.Seen {
        StagedRollout.Seen(state: .open, watchedMilliseconds: watched, new: new, old: old, before: before)
    }

    @Test("a watch that finds nothing goes from one unit to its region, to all, and ends with the new rules")
    func everyStageInTurn() {
        #expect(self.rollout(.unit).next(self.seen()) == .stage(.region))
        #expect(self.rollout(.region).next(self.seen()) == .stage(.all))
        #expect(self.rollout(.all).next(self.seen(old: PurchaseFigures())) == .finish)
        #expect(self.rollout(.unit).next(self.seen(watched: 59_999)) == .wait)
    }

    @Test("a stage that would reach no further unit is left out")
    func emptyStagesAreLeftOut() {
        #expect(self.rollout(.unit, pilot: 3).next(self.seen()) == .stage(.all), "alone in its region")
        let one = [UnitID(1): "eu", UnitID(2): "eu"]
        #expect(self.rollout(.region, one).next(self.seen()) == .finish, "there is one region")
        #expect(self.rollout(.unit, [UnitID(1): "eu"]).next(self.seen()) == .finish, "there is one unit")
    }

    @Test("each stage reaches its units, and gates with their whole region")
    func reach() {
        let fleet = self.fleet()
        func units(_ stage: StagedRollout.Stage) -> [UInt16] {
            [1, 2, 3].filter { fleet.reaches(UnitID($0), in: stage) }
        }
        #expect(units(.unit) == [1] && units(.region) == [1, 2] && units(.all) == [1, 2, 3])
        #expect(!fleet.reaches(gatesOf: "eu", in: .unit), "they serve the buyers of unit 2, too")
        #expect(fleet.reaches(gatesOf: "eu", in: .region) && !fleet.reaches(gatesOf: "us", in: .region))
        #expect(fleet.reaches(gatesOf: "us", in: .all))
        #expect(self.fleet(pilot: 3).reaches(gatesOf: "us", in: .unit))
        #expect(fleet.first(touchesUnits: true) == .unit)
        #expect(fleet.first(touchesUnits: false) == .region, "nobody would meet the rules at one of two units")
        #expect(self.fleet(pilot: 3).first(touchesUnits: false) == .unit)
    }

    @Test("it holds when the share of a refusal rises above the others and above the time before")
    func holdsWhenRefusalsRise() {
        // 100 of 1,100 are 90 permille.
        let bad = Self.figures(1_000, ["limit_reached": 100])
        #expect(
            self.rollout().next(self.seen(bad, watched: 1_000))
                == .hold(.refusals(code: "limit_reached", permille: 90, usualPermille: 0)), "and does not wait")
        #expect(self.rollout().next(self.seen(bad, old: bad)) == .stage(.region), "the others have it, too")
        #expect(self.rollout().next(self.seen(bad, before: bad)) == .stage(.region), "it was so before")
        #expect(
            self.rollout(.all).next(self.seen(bad, old: PurchaseFigures()))
                == .hold(.refusals(code: "limit_reached", permille: 90, usualPermille: 0)),
            "without others the time before decides")
        let worse = Self.figures(1_000, ["limit_reached": 60, "bad_token": 200])
        #expect(
            self.rollout().next(self.seen(worse))
                == .hold(.refusals(code: "bad_token", permille: 158, usualPermille: 0)),
            "the worst one is named")
    }

    @Test(
        "what rules do not cause holds nothing",
        arguments: ["sold_out", "restocking", "ended", "paused", "not_started"])
    func expectedRefusalsHoldNothing(_ code: String) {
        let end = Self.figures(100, [code: 10_000])
        #expect(self.rollout().next(self.seen(end)) == .stage(.region))
    }

    @Test("gates are compared with gates, and not by what a line or a challenge asks of everybody")
    func holdsWhenGatesRefuse() {
        func gates(_ refused: [String: Int]) -> PurchaseFigures { PurchaseFigures(refused: refused, tokens: 900) }
        var seen = self.seen()
        seen.gates = .init(new: gates(["challenge_failed": 100]), old: gates([:]), before: gates([:]))
        #expect(
            self.rollout().next(seen)
                == .hold(.gateRefusals(code: "challenge_failed", permille: 100, usualPermille: 0)))
        seen.gates = .init(new: gates(["challenge_failed": 100]), old: gates(["challenge_failed": 90]))
        #expect(self.rollout().next(seen) == .stage(.region))
        seen.gates = .init(new: gates(["challenge_required": 5_000, "not_admitted": 5_000]), old: gates([:]))
        #expect(self.rollout().next(seen) == .stage(.region))
    }

    @Test("few purchases say nothing, and at the end of the watch that is the reason to hold")
    func fewPurchasesSayNothing() {
        let few = Self.figures(0, ["bad_token": 99])
        #expect(self.rollout().next(self.seen(few, watched: 59_999)) == .wait)
        #expect(self.rollout().next(self.seen(few)) == .hold(.tooFew(answered: 99, needed: 100)))
        // A comparison of few purchases is none: 20 % before would otherwise excuse them.
        let bad = Self.figures(800, ["bad_token": 200])
        let thin = Self.figures(8, ["bad_token": 2])
        #expect(
            self.rollout().next(self.seen(bad, old: thin, before: thin))
                == .hold(.refusals(code: "bad_token", permille: 200, usualPermille: 0)))
    }

    @Test("it holds when orders become slow, unless they are fast anyway")
    func holdsWhenSlow() throws {
        let slow = Self.figures(1_000, bucket: 9)
        guard case .hold(.slow(let now, let usual)) = self.rollout().next(self.seen(slow, watched: 1_000)) else {
            Issue.record("it goes on")
            return
        }
        #expect(now > 250_000 && usual <= 5_000)
        #expect(self.rollout().next(self.seen(slow, old: slow)) == .stage(.region), "all are slow")
        // From half a millisecond to 5 ms: ten times as slow, and fast.
        let fast = Self.figures(1_000, bucket: 0)
        #expect(self.rollout().next(self.seen(old: fast, before: fast)) == .stage(.region))
    }

    @Test("it holds when a unit is unheard for long, and does not go on meanwhile")
    func holdsWithoutReports() {
        var seen = self.seen()
        (seen.unheard, seen.unheardMilliseconds) = ([UnitID(2), UnitID(1)], 9_999)
        #expect(self.rollout().next(seen) == .wait)
        seen.unheardMilliseconds = 10_000
        #expect(self.rollout().next(seen) == .hold(.unheard(UnitID(1))))
    }

    @Test("it holds when a version is refused, a lot is contested, or the sale is not open")
    func holdsForOtherReasons() {
        var seen = self.seen()
        seen.refusal = Rollout.Refusal(unit: UnitID(2), reason: "invalid_config")
        #expect(self.rollout().next(seen) == .hold(.versionRefused(UnitID(2), "invalid_config")))
        seen = self.seen()
        seen.state = .paused
        #expect(self.rollout().next(seen) == .hold(.notOpen(.paused)))
        seen.contested = LotID(7)
        #expect(self.rollout().next(seen) == .hold(.contested(LotID(7))), "also while it is paused")
    }

    @Test("what is held waits for an operator, whatever is seen", arguments: StagedRollout.Stage.allCases)
    func heldWaits(_ stage: StagedRollout.Stage) {
        #expect(self.rollout(stage, isHeld: true).next(self.seen()) == .wait)
        var seen = self.seen()
        seen.contested = LotID(7)
        #expect(self.rollout(stage, isHeld: true).next(seen) == .wait)
    }

    @Test("an operator goes on, watches again, holds, rolls back and finishes in every stage, held or not")
    func operatorsActs() {
        for isHeld in [true, false] {
            #expect(self.rollout(.unit, isHeld: isHeld).next(.goOn) == .stage(.region))
            #expect(self.rollout(.region, isHeld: isHeld).next(.goOn) == .stage(.all))
            #expect(self.rollout(.all, isHeld: isHeld).next(.goOn) == .finish)
            for stage in StagedRollout.Stage.allCases {
                let rollout = self.rollout(stage, isHeld: isHeld)
                #expect(rollout.next(.watch) == .watch && rollout.next(.hold) == .hold(.byOperator))
                #expect(rollout.next(.rollBack) == .rollBack && rollout.next(.finish) == .finish)
            }
        }
    }
}

@Suite("Figures of purchases") struct PurchaseFiguresTests {
    private let unit = UnitID(1)
    private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1_000) }
    private func figures(_ refused: Int, _ ordered: Int = 0) -> PurchaseFigures {
        PurchaseFigures(refused: ["bad_token": refused], durations: [ordered])
    }

    @Test("shares and times follow from the counts") func sharesAndTimes() {
        // 98 orders in the first bucket, 2 in the one from 25 to 50 ms.
        let figures = PurchaseFigures(refused: ["bad_token": 25], durations: [98, 0, 0, 0, 0, 0, 2])
        #expect(figures.answered == 125 && figures.ordered == 100 && figures.permille("bad_token") == 200)
        #expect(figures.permille("other") == 0 && PurchaseFigures().permille("bad_token") == 0)
        #expect(figures.microseconds(permille: 980) == 500)
        #expect(figures.microseconds(permille: 990) == 37_500)
        #expect(PurchaseFigures().microseconds(permille: 990) == nil)
        let last = PurchaseFigures(durations: [Int](repeating: 0, count: 14) + [5])
        #expect(last.microseconds(permille: 990) == 10_000_000, "the last bucket has no end")
        #expect(PurchaseFigures(durations: [1, 2]).durations.count == PurchaseFigures.bounds.count + 1)
    }

    @Test("a sum goes on over restarts of a unit, and takes no report twice or late") func sumsGoOn() {
        var book = FigureBook<UnitID>()
        book.hear(self.unit, Incarnation(1), self.figures(10), now: self.at(0))
        book.hear(self.unit, Incarnation(1), self.figures(30), now: self.at(1))
        book.hear(self.unit, Incarnation(1), self.figures(30), now: self.at(1))
        book.hear(self.unit, Incarnation(1), self.figures(20), now: self.at(1))
        #expect(book.sums[self.unit]?.answered == 30)
        // The process goes on with another incarnation: its counts do, too.
        book.hear(self.unit, Incarnation(2), self.figures(40), now: self.at(2))
        #expect(book.sums[self.unit]?.answered == 40)
        book.hear(self.unit, Incarnation(3), self.figures(5), now: self.at(3))
        #expect(book.sums[self.unit]?.answered == 45, "a new process counts from nothing")
        book.hear(self.unit, Incarnation(3), self.figures(8), now: self.at(4))
        #expect(book.sums[self.unit]?.answered == 48 && book.heard(self.unit) == self.at(4))
        book.hear(self.unit, Incarnation(2), self.figures(0), now: self.at(5))
        #expect(book.sums[self.unit]?.answered == 48)
    }

    @Test("the time before is the last minute") func recentIsTheLastMinute() {
        var book = FigureBook<UnitID>()
        for second in 0...200 {
            book.hear(self.unit, Incarnation(1), self.figures(second * 10), now: self.at(Int64(second)))
        }
        let recent = book.recent[self.unit]?.answered ?? 0
        #expect((600...650).contains(recent), "10 a second for 60 to 65 seconds, and not \(recent)")
    }

    @Test("a region's gates are one sum, whoever of them starts again or reports late") func gatesAreSummed() {
        var gates = GateFigures()
        func hear(_ gate: String, _ region: String, _ tokens: Int, _ second: Int64) {
            gates.hear(gate, region: region, PurchaseFigures(tokens: tokens), now: self.at(second))
        }
        hear("a/1", "eu", 10, 0)
        hear("b/1", "eu", 5, 0)
        hear("c/1", "us", 7, 0)
        hear("a/1", "eu", 12, 1)
        hear("a/1", "eu", 11, 1)
        #expect(gates.book.sums.mapValues(\.tokens) == ["eu": 17, "us": 7])
        hear("a/2", "eu", 1, 2)
        #expect(gates.book.sums["eu"]?.answered == 18, "a gate has another name after each start")
        for number in 0..<(2 * GateFigures.gatesLimit) { hear("x/\(number)", "us", 1, Int64(3 + number)) }
        #expect(gates.book.sums["us"]?.tokens == 7 + 2 * GateFigures.gatesLimit, "what was counted stays")
    }
}
