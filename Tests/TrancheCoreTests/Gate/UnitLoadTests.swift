import Testing
import TrancheCore

@Suite("What a unit refuses for its load") struct UnitLoadTests {
    static let start = Instant(milliseconds: 1_700_000_000_000)

    /// A unit's load in a class: expectations cannot call mutating methods.
    final class Unit {
        var load = UnitLoad(salt: 7)
        var desk = FrontDesk()
        var shares = LotShares(room: 1_000)
        var now = UnitLoadTests.start

        init() {
            self.desk.configure([
                LotRules(
                    lot: LotID(1), phase: .open, opensAt: .distantPast, closesAt: .distantFuture, buyerLimit: 2,
                    paymentWindowMilliseconds: 1_000)
            ])
        }

        /// Each second has 20 measurements.
        func pass(seconds: Int, waiting milliseconds: Int64, offered: Int = 0, answered: Int = 0, use: Int = 0) {
            for _ in 0..<seconds * 20 {
                for _ in 0..<offered / 20 { _ = self.load.admitOrShed(UnitLoadTests.order(1), now: self.now) }
                self.load.countArrivals(offered / 20)
                self.load.observe(
                    .init(waitedMicroseconds: milliseconds * 1_000, answered: answered / 20, usePermille: use),
                    now: self.now)
                self.now = self.now.advanced(milliseconds: 50)
            }
        }

        func refusal(_ number: UInt64) -> Refusal? {
            self.load.admitOrShed(UnitLoadTests.order(number), now: self.now)
        }

        func inform(_ request: GateRequestClass) -> Refusal? { self.load.admitOrShed(request, draw: .max) }

        func pause(_ number: UInt64) -> Int {
            guard case .shed(let seconds) = self.load.shed(UnitLoadTests.order(number), now: self.now) else {
                return 0
            }
            return seconds
        }

        func judge(_ number: UInt64, isOpen: Bool = true) -> FrontDesk.Arrival {
            let purchase = Purchase(
                order: UnitLoadTests.order(number), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                issuedAt: self.now)
            return self.desk.judge(purchase, under: &self.load, self.shares, isOpen: isOpen, now: self.now) { number }
        }

        func learn(_ order: Order) {
            _ = self.desk.learn([.changed(order)], now: self.now)
        }
    }

    static func order(_ number: UInt64) -> OrderID {
        OrderID(high: number &* 0x9E37_79B9_7F4A_7C15, low: number)
    }

    private static func isShed(_ arrival: FrontDesk.Arrival) -> Bool {
        if case .answered(.refused(.shed)) = arrival { true } else { false }
    }

    @Test("a busy unit whose requests do not wait refuses nobody") func busyIsNotOverloaded() {
        let unit = Unit()
        unit.pass(seconds: 30, waiting: 1, offered: 8_000, answered: 8_000, use: 1_000)
        #expect(unit.load.share.permille == 1_000 && unit.load.shedCount == 0)
        #expect(unit.load.figures.cpuPermille == 1_000, "the center is told")
    }

    @Test("a report has the average wait of a second, so that one stall does not slow the lines") func reportsAverage()
    {
        let unit = Unit()
        unit.pass(seconds: 3, waiting: 7)
        #expect(unit.load.figures.waitingMilliseconds == 7)
        unit.load.observe(.init(waitedMicroseconds: 200_000, answered: 0, usePermille: 0), now: unit.now)
        #expect(unit.load.figures.waitingMilliseconds == 17, "19 measurements of 7 ms, and one of 200")
        #expect(!unit.load.figures.isOverloaded)
        unit.now = unit.now.advanced(milliseconds: 50)
        unit.pass(seconds: 3, waiting: 90)
        #expect(unit.load.figures.waitingMilliseconds == 90 && unit.load.figures.isOverloaded)
    }

    @Test("streams go first, then the states of lots, then purchases") func orderOfClasses() {
        let unit = Unit()
        unit.pass(seconds: 6, waiting: 100)
        #expect(unit.inform(.events) != nil && unit.inform(.status) == nil)
        #expect((0..<1_000).allSatisfy { unit.refusal($0) == nil })
        unit.pass(seconds: 8, waiting: 100)
        #expect(unit.inform(.events) != nil && unit.inform(.status) != nil)
        unit.pass(seconds: 60, waiting: 100)
        let admitted = (UInt64(0)..<10_000).filter { unit.refusal($0) == nil }.count
        #expect((1_200...1_800).contains(admitted), "\(admitted) of 10000 at the lowest share, 150 permille")
        for request in [GateRequestClass.payment, .ownOrder, .retry] { #expect(unit.inform(request) == nil) }
    }

    @Test("the same orders are admitted from call to call, and others in a later hour") func stableChoice() {
        let unit = Unit()
        unit.pass(seconds: 90, waiting: 100)
        func admitted() -> [UInt64] { (UInt64(0)..<2_000).filter { unit.refusal($0) == nil } }
        let first = admitted()
        #expect(!first.isEmpty && first == admitted())
        unit.now = unit.now.advanced(milliseconds: 3_600_000)
        #expect(admitted() != first)
    }

    @Test("known orders and copies under way are answered while everything else is shed") func knownOrdersAreAnswered()
    {
        let unit = Unit()
        let known = Order(
            id: Self.order(1), buyer: BuyerID("b1")!, lot: LotID(1), quantity: 1, buyerLimit: 2,
            generation: Generation(1), stamp: Stamp(rawValue: 5), deadline: .distantFuture)
        unit.learn(known)
        unit.desk.beginAdmission(Self.order(2))
        unit.shares.room = 0
        #expect(unit.judge(1) == .answered(.order(known)))
        #expect(unit.judge(2) == .waits)
        #expect(Self.isShed(unit.judge(3)))
        #expect(unit.judge(4, isOpen: false) == .answered(.refused(.recovering)))
        #expect(unit.load.shedCount == 1)
    }

    @Test("a lot may have as many requests waiting as the unit answers in a moment") func roomIsLimited() {
        let unit = Unit()
        #expect(unit.load.room == UnitLoad.mostRoom, "a unit that has measured nothing")
        unit.pass(seconds: 3, waiting: 1, offered: 10_000, answered: 10_000, use: 1_000)
        unit.shares.room = unit.load.room
        var admitted: UInt64 = 0
        while admitted < 100_000, unit.judge(admitted) == .needsAdmission(isRemembered: false) {
            unit.shares.countWaiting(LotID(1))
            admitted += 1
        }
        #expect(Int(admitted) == 10_000 * UnitLoad.roomMilliseconds / 2_000, "a lot alone has half of the room")
    }

    @Test("the room follows what the unit can do, within limits") func roomFollowsCapacity() {
        let unit = Unit()
        unit.pass(seconds: 10, waiting: 1, offered: 20_000, answered: 20_000, use: 500)
        #expect(unit.load.room == 40_000 * UnitLoad.roomMilliseconds / 1_000)
        // While requests wait, what is answered counts, whatever was measured before.
        unit.pass(seconds: 3, waiting: 200, offered: 40_000, answered: 10_000, use: 1_000)
        #expect(unit.load.room == 10_000 * UnitLoad.roomMilliseconds / 1_000)
        unit.pass(seconds: 3, waiting: 200, offered: 40_000, answered: 20, use: 1_000)
        #expect(unit.load.room == UnitLoad.leastRoom)
    }

    @Test("after a storm everything is admitted again within two seconds") func restores() {
        let unit = Unit()
        unit.pass(seconds: 60, waiting: 100, offered: 4_000)
        #expect(unit.load.share.permille == AdmittedShare.lowestPermille)
        unit.pass(seconds: 3, waiting: 0, offered: 9_000)
        #expect(unit.load.share.permille < 200, "a crowd that still asks for all that the unit can do")
        unit.pass(seconds: 3, waiting: 0, offered: 1_000)
        #expect(unit.load.share.permille == 1_000)
    }

    @Test("pauses grow with the refusals of an order, up to half a minute") func pausesGrow() {
        let unit = Unit()
        let pauses = (0..<8).map { _ in unit.pause(1) }
        #expect(pauses[0] == 1 && pauses[7] > 14, "\(pauses)")
        for (refusals, pause) in pauses.enumerated() {
            let most = min(30, 1 << refusals)
            #expect(pause <= most && pause * 2 >= most, "\(pauses)")
        }
        #expect(unit.pause(2) == 1, "another order is at its first refusal")
    }

    @Test("a crowd of 100,000 is told to come back over the time in which the unit can answer it") func crowdIsSpread()
    {
        let unit = Unit()
        var due: [Int: Int] = [:]
        for number in UInt64(0)..<100_000 { due[unit.pause(number), default: 0] += 1 }
        // The last of them come back after 5 to 10 seconds: the unit answers 10,000 in one.
        #expect(due.count >= 9, "\(due)")
        #expect(due.values.allSatisfy { $0 < 20_000 }, "\(due)")
    }
}

@Suite("What a unit can answer") struct CapacityEstimateTests {
    private var now = UnitLoadTests.start
    private var estimate = CapacityEstimate()

    private mutating func pass(seconds: Int, answered: Int, handedIn: Int? = nil, use: Int) {
        for _ in 0..<seconds * 20 {
            self.estimate.observe(
                answered: answered / 20, handedIn: (handedIn ?? answered) / 20, usePermille: use, now: self.now)
            self.now = self.now.advanced(milliseconds: 50)
        }
    }

    @Test("before any measurement it is the assumed one; the first measurement replaces it") mutating func first() {
        #expect(self.estimate.perSecond == CapacityEstimate.priorPerSecond && !self.estimate.isMeasured)
        self.pass(seconds: 2, answered: 2_000, use: 500)
        #expect(self.estimate.perSecond == 4_000 && self.estimate.isMeasured)
        #expect(self.estimate.answeredPerSecond == 2_000)
    }

    @Test("later measurements move it by a quarter of the difference") mutating func smooth() {
        self.pass(seconds: 2, answered: 2_000, use: 500)
        let before = self.estimate.perSecond
        self.pass(seconds: 1, answered: 4_000, use: 500)
        #expect(self.estimate.perSecond > before && self.estimate.perSecond < 8_000)
        self.pass(seconds: 30, answered: 4_000, use: 500)
        #expect((7_900...8_000).contains(self.estimate.perSecond), "\(self.estimate.perSecond)")
    }

    @Test(
        "windows with little load, with few orders, or mostly of refusals say nothing",
        arguments: [(1_000, 1_000, 299), (80, 80, 900), (1_000, 3_000, 900)])
    mutating func ignored(answered: Int, handedIn: Int, use: Int) {
        self.pass(seconds: 5, answered: answered, handedIn: handedIn, use: use)
        #expect(self.estimate.perSecond == CapacityEstimate.priorPerSecond && !self.estimate.isMeasured)
    }

    @Test("a low estimate rises again while the unit has little to do") mutating func rises() {
        self.pass(seconds: 2, answered: 500, use: 500)
        #expect(self.estimate.perSecond == 1_000)
        self.pass(seconds: 5, answered: 100, use: 50)
        #expect((2_500...4_500).contains(self.estimate.perSecond), "\(self.estimate.perSecond)")
        self.pass(seconds: 200, answered: 100, use: 50)
        #expect(self.estimate.perSecond == CapacityEstimate.priorPerSecond)
    }

    @Test("absurd measurements stay within the limits") mutating func extremes() {
        for value in [Int.max, .min, 0, 7] {
            for _ in 0..<40 {
                self.estimate.observe(answered: value, handedIn: value, usePermille: value, now: self.now)
                self.now = self.now.advanced(milliseconds: 50)
            }
            #expect(CapacityEstimate.limits.contains(self.estimate.perSecond))
        }
    }
}

@Suite("Loads of units, in the center") struct UnitLoadsTests {
    private let now = UnitLoadTests.start

    private func load(_ capacity: Int, waiting: Int = 0, cpu: Int = 0) -> LoadFigures {
        LoadFigures(capacityPerSecond: capacity, waitingMilliseconds: waiting, cpuPermille: cpu)
    }

    @Test("capacities add up, an overloaded unit counts half, and the middle one gives the signs") func sum() {
        var loads = UnitLoads()
        loads.hear(UnitID(1), self.load(4_000, waiting: 3, cpu: 900), now: self.now)
        loads.hear(UnitID(2), self.load(6_000, waiting: 30, cpu: 100), now: self.now)
        loads.hear(UnitID(3), self.load(9_000, waiting: 99, cpu: 999), now: self.now)
        let figures = loads.figures(of: [UnitID(1), UnitID(2)], now: self.now)
        #expect(figures == self.load(2_000 + 3_000, waiting: 3, cpu: 100))
        let all = loads.figures(of: [UnitID(1), UnitID(2), UnitID(3)], now: self.now)
        #expect(all == self.load(2_000 + 3_000 + 4_500, waiting: 30, cpu: 900), "most of them are overloaded")
        #expect(loads.figures(of: [UnitID(3)], now: self.now) == self.load(9_000, waiting: 99, cpu: 999))
    }

    @Test("one unit that boasts counts for four times the middle one at most") func boasting() {
        var loads = UnitLoads()
        for (unit, capacity) in [(1, 5_000), (2, 6_000), (3, 1_000_000)] {
            loads.hear(UnitID(UInt16(unit)), self.load(capacity), now: self.now)
        }
        let figures = loads.figures(of: (1...3).map { UnitID(UInt16($0)) }, now: self.now)
        #expect(figures.capacityPerSecond == 5_000 + 6_000 + 24_000)
    }

    @Test("a unit that does not measure counts with the assumed capacity, and a silent one not at all") func absent() {
        var loads = UnitLoads()
        loads.hear(UnitID(1), nil, now: self.now)
        let units = [UnitID(1), UnitID(2)]
        #expect(loads.figures(of: units, now: self.now).capacityPerSecond == CapacityEstimate.priorPerSecond)
        let later = self.now.advanced(milliseconds: UnitLoads.silenceMilliseconds + 1)
        #expect(loads.figures(of: units, now: later) == self.load(0))
    }
}
