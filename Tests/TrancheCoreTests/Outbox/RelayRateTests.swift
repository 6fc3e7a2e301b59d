import Testing
import TrancheCore

/// A receiver that takes each delivery at some moment between its sending and its answer, and a relay with a rate.
private struct SlowReceiver {
    /// What becomes of one delivery, in milliseconds from its sending.
    typealias Fate = (taken: Int64, answered: Int64)

    var machine: RelayMachine
    private(set) var sent: [Int64] = []
    private(set) var taken: [Int64] = []
    private var milliseconds: Int64
    private var underway: [(ticket: UInt64, due: Int64)] = []
    private var position: UInt64 = 0
    private var isRefusing = false

    init(perSecond: Int, concurrency: Int = 256, at milliseconds: Int64 = 1_000_000) {
        var settings = RelaySettings()
        (settings.perSecond, settings.concurrency) = (perSecond, concurrency)
        settings.pauses = RelayPauses([50, 100, 200])!
        self.milliseconds = milliseconds
        self.machine = RelayMachine(settings, RelayStart(), now: Self.moment(milliseconds))
    }

    private static func moment(_ milliseconds: Int64) -> Moment {
        let instant = Instant(milliseconds: milliseconds)
        return Moment(wall: instant, steady: instant)
    }

    /// Runs for some time, and lets `fate` say what becomes of each delivery. One of `refused` deliveries is not taken.
    mutating func run(_ duration: Int64, refused: Int = .max, fate: (_ at: Int64) -> Fate) {
        for _ in 0..<duration {
            self.milliseconds += 1
            let now = Self.moment(self.milliseconds)
            self.read(now)
            for one in self.underway where one.due <= self.milliseconds {
                let isRefused = Int(one.ticket % UInt64(refused)) == refused - 1
                self.machine.answered(one.ticket, isRefused ? .no(reason: "status 503") : .yes, draw: 0, now: now)
            }
            self.underway.removeAll { $0.due <= self.milliseconds }
            for delivery in self.machine.start(now: now) {
                let one = fate(self.milliseconds)
                self.sent.append(self.milliseconds)
                self.taken.append(self.milliseconds + one.taken)
                self.underway.append((delivery.ticket, self.milliseconds + one.answered))
            }
        }
    }

    private mutating func read(_ now: Moment) {
        guard self.machine.wanted(.journal, head: .max) > 0 else { return }
        var cursor = OutboxCursor(position: self.position, generation: Generation(1))
        var events: [OutboxEvent] = []
        for _ in 0..<500 {
            let number = cursor.position + 1
            let order = Order(
                id: OrderID(high: 0, low: number), buyer: BuyerID("b")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
                generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 1))
            events += cursor.pass(.reserved(order), at: number)
        }
        self.position = cursor.position
        self.machine.take(events, upTo: cursor, of: .journal, now: now)
    }

    /// The most of these moments in one second, its ends included.
    static func mostInASecond(_ moments: [Int64]) -> Int {
        let sorted = moments.sorted()
        var (first, most) = (0, 0)
        for (index, moment) in sorted.enumerated() {
            while moment - sorted[first] > 1_000 { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }
}

@Suite("Rate of a consumer") struct RelayRateTests {
    @Test("a fast receiver gets nearly its rate, and never more in any second", arguments: [1, 2, 20, 200, 3_000])
    func fastReceiver(perSecond: Int) {
        var receiver = SlowReceiver(perSecond: perSecond)
        receiver.run(10_000) { _ in (0, 1) }
        #expect(SlowReceiver.mostInASecond(receiver.sent) <= perSecond)
        // The first second is left out, and one in twenty is lost to the pace.
        #expect(receiver.sent.count >= perSecond * 8 * 9 / 10)
    }

    @Test("a network that stands still and then brings everything at once brings no more than the rate in any second")
    func stalls() {
        for stall: Int64 in [100, 700, 1_000, 2_500] {
            var receiver = SlowReceiver(perSecond: 200)
            // Everything that is sent during a stall is taken at its end, and what is sent outside of one at once.
            receiver.run(20_000) { at in
                let phase = at % (stall + 1_300)
                return phase < stall ? (stall - phase, stall - phase + 1) : (0, 1)
            }
            #expect(SlowReceiver.mostInASecond(receiver.taken) <= 200, "a stall of \(stall) ms")
            #expect(receiver.taken.count > 1_000, "a stall of \(stall) ms")
        }
    }

    @Test("it holds with deliveries that are taken at any moment before their answer, and repeated ones")
    func anyMoment() {
        var state: UInt64 = 88_172_645_463_325_252
        func draw(_ limit: Int64) -> Int64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int64(state % UInt64(limit))
        }
        for (perSecond, longest) in [(200, 50), (200, 3_000), (7, 400)] as [(Int, Int64)] {
            var receiver = SlowReceiver(perSecond: perSecond)
            receiver.run(20_000, refused: 9) { _ in
                let answered = 1 + draw(longest)
                return (draw(answered + 1), answered)
            }
            #expect(SlowReceiver.mostInASecond(receiver.taken) <= perSecond)
            #expect(receiver.machine.figures.retried > 0)
        }
    }

    @Test("it holds over idle times, another rate, and the next process") func changes() {
        var receiver = SlowReceiver(perSecond: 200)
        receiver.run(3_000) { _ in (0, 1) }
        receiver.machine.setRate(nil, now: Self.moment(1_003_000))
        receiver.machine.setRate(200, now: Self.moment(1_003_000))
        receiver.run(3_000) { _ in (0, 1) }
        var next = SlowReceiver(perSecond: 200, at: 1_006_000)
        next.run(3_000) { _ in (0, 1) }
        #expect(SlowReceiver.mostInASecond(receiver.taken + next.taken) <= 200)
    }

    @Test("a relay whose places are all taken sleeps until there is an answer, and then until the place is free")
    func sleeps() {
        var receiver = SlowReceiver(perSecond: 2)
        receiver.run(2_500) { _ in (0, 100_000) }
        #expect(receiver.sent.count == 2)
        #expect(receiver.machine.nextDue == .distantFuture)
        receiver.machine.answered(1, .yes, draw: 0, now: Self.moment(1_002_500))
        #expect(receiver.machine.start(now: Self.moment(1_002_500)).isEmpty)
        #expect(receiver.machine.nextDue == Instant(microseconds: 1_003_500_001))
        #expect(receiver.machine.start(now: Self.moment(1_003_500)).isEmpty)
        #expect(receiver.machine.start(now: Self.moment(1_003_501)).count == 1)
    }

    private static func moment(_ milliseconds: Int64) -> Moment {
        let instant = Instant(milliseconds: milliseconds)
        return Moment(wall: instant, steady: instant)
    }
}
