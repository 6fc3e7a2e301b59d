import TrancheCore

/// A relay between a journal that grows and a receiver that loses requests and answers, while the relay's process crashes at
/// any moment and its disk refuses writes.
///
/// The relay is the product's own. The judge knows the journal and what the receiver got: every event arrives or is listed
/// as dead, and no event of an order arrives before an earlier one has.
package struct RelayWorkload {
    /// Deliberate mistakes of the shell, which the judge must find.
    package enum Plant: String, Sendable, CaseIterable {
        /// The cursor moves when events were read, before the receiver's yes.
        case cursorBeforeYes
        /// The cursor is durable, and the letters that it has passed are not.
        case lettersForgotten
        /// An answer that did not come counts as a yes.
        case silenceIsYes
    }

    package struct Settings: Sendable {
        package var orders = 60
        /// Deliveries that the receiver does not take.
        package var refusedPermille = 300
        /// Deliveries that it takes, but whose answer is lost.
        package var unansweredPermille = 50
        /// Crashes, per step of 10 ms.
        package var crashPermille = 8
        package var failedWritePermille = 100
        /// An outage of the receiver: the first and the last step.
        package var outage = 150..<400
        package init() {}
    }

    package struct Result: Sendable {
        package var broken: [String] = []
        package var events = 0
        package var duplicates = 0
        package var letters = 0
        package var dead = 0
        package var crashes = 0
        package var awaySteps = 0
        package init() {}
    }

    private struct Underway {
        let event: OutboxEvent
        let ticket: UInt64
        let answerAt: Int
    }

    private static let stepMilliseconds: Int64 = 10
    private static let stepsLimit = 60_000

    private let settings: Settings
    private let plant: Plant?
    private var random: SeededRandom
    private var journal: [OutboxEvent] = []
    private var head: UInt64 = 0
    private var last: UInt64 = 0
    private var disk = RelayStart()
    private var deadOnDisk: Set<OutboxPlace> = []
    /// Events that had their last try, in any process: those behind them have gone on.
    private var givenUp: Set<OutboxPlace> = []
    private var machine: RelayMachine
    private var unwritten: RelayNotes?
    private var underway: [Underway] = []
    private var received: [OrderID: [OutboxPlace]] = [:]
    private var arrived: Set<OutboxPlace> = []
    private var step = 0
    private var result = Result()

    private var now: Moment {
        let instant = Instant(milliseconds: 1_700_000_000_000 + Int64(self.step) * Self.stepMilliseconds)
        return Moment(wall: instant, steady: instant)
    }

    package static func run(seed: UInt64, _ settings: Settings = Settings(), plant: Plant? = nil) -> Result {
        var workload = RelayWorkload(seed: seed, settings, plant)
        return workload.run()
    }

    private init(seed: UInt64, _ settings: Settings, _ plant: Plant?) {
        (self.settings, self.plant, self.random) = (settings, plant, SeededRandom(seed: seed))
        let moment = Moment(wall: .distantPast, steady: .distantPast)
        self.machine = RelayMachine(Self.relaySettings, RelayStart(), now: moment)
        self.write()
    }

    private static var relaySettings: RelaySettings {
        var settings = RelaySettings()
        (settings.concurrency, settings.queueLimit) = (6, 24)
        settings.pauses = RelayPauses([50, 200, 400, 800, 1_600])!
        return settings
    }

    /// The journal: each order is reserved, and paid or released; some payments come too late, and are to be refunded.
    private mutating func write() {
        var lives: [[LedgerEntry]] = (0..<self.settings.orders).map { number in
            let order = Order(
                id: OrderID(high: 1, low: UInt64(number)), buyer: BuyerID("b\(number)")!, lot: LotID(1), quantity: 1,
                buyerLimit: 1, generation: Generation(1), stamp: Stamp(rawValue: UInt64(number)),
                deadline: .distantPast)
            let payment = PaymentID("p\(number)")!
            if self.random.happens(permille: 600) { return [.reserved(order), .confirmed(order, payment: payment)] }
            let state: OrderState = self.random.happens(permille: 500) ? .expired : .cancelled
            return [
                .reserved(order), .released(order, state: state),
                .refundDue(order.id, payment: payment, reason: .orderOver),
            ]
        }
        var cursor = OutboxCursor.start
        while true {
            let open = lives.indices.filter { !lives[$0].isEmpty }
            guard !open.isEmpty else { break }
            // Entries without events lie between.
            if self.random.happens(permille: 100) { _ = cursor.pass(.nonce(1), at: cursor.position + 1) }
            let life = open[self.random.number(0...open.count - 1)]
            self.journal += cursor.pass(lives[life].removeFirst(), at: cursor.position + 1)
        }
        self.last = cursor.position
        self.result.events = self.journal.count
    }

    private mutating func run() -> Result {
        while self.step < Self.stepsLimit {
            self.step += 1
            self.head = min(self.last, self.head + UInt64(self.random.number(0...2)))
            if self.random.happens(permille: self.settings.crashPermille), !self.isQuiet { self.crash() }
            self.answer()
            self.read()
            self.send()
            if self.step % 10 == 0 { self.keepNotes() }
            if self.machine.isAway { self.result.awaySteps += 1 }
            if self.head == self.last, self.machine.figures.open == 0, self.machine.figures.letters == 0,
                self.machine.read(.journal)?.position == self.last, self.unwritten == nil, !self.machine.hasNotes
            {
                break
            }
        }
        self.judge()
        return self.result
    }

    /// At the end nothing crashes any more, so that there is an end.
    private var isQuiet: Bool { self.step > 3_000 }

    private mutating func crash() {
        self.result.crashes += 1
        // Requests of the dead process are on their way.
        for one in self.underway where self.random.happens(permille: 300) { self.arrive(one.event) }
        self.underway = []
        if let notes = self.machine.takeNotes() { self.noteGivenUp(notes) }
        self.unwritten = nil
        self.machine = RelayMachine(Self.relaySettings, self.disk, now: self.now)
    }

    private mutating func read() {
        let wanted = self.machine.wanted(.journal, head: self.head)
        guard wanted > 0, let cursor = self.machine.read(.journal) else { return }
        var end = self.head
        var events = self.journal.filter { $0.place.position > cursor.position && $0.place.position <= end }
        if events.count > wanted {
            end = events[wanted - 1].place.position
            events.removeAll { $0.place.position > end }
        }
        let generation = Generation(1)
        self.machine.take(
            events, upTo: OutboxCursor(position: end, generation: generation), of: .journal, now: self.now)
    }

    private mutating func send() {
        for delivery in self.machine.start(now: self.now) {
            if self.underway.contains(where: { $0.event.order == delivery.event.order }) {
                self.result.broken.append("two events of order \(delivery.event.order) are under way")
            }
            self.underway.append(
                Underway(
                    event: delivery.event, ticket: delivery.ticket,
                    answerAt: self.step + self.random.number(1...8)))
        }
    }

    private mutating func answer() {
        let due = self.underway.filter { $0.answerAt <= self.step }
        self.underway.removeAll { $0.answerAt <= self.step }
        for one in due {
            let isOut = self.settings.outage.contains(self.step)
            let isRefused = isOut || !self.isQuiet && self.random.happens(permille: self.settings.refusedPermille)
            let isUnanswered = self.random.happens(permille: self.settings.unansweredPermille)
            if !isRefused { self.arrive(one.event) }
            let isYes = !isRefused && !isUnanswered || isOut && self.plant == .silenceIsYes
            self.machine.answered(
                one.ticket, isYes ? .yes : .no(reason: "refused"), draw: self.random.next(), now: self.now)
        }
    }

    private mutating func arrive(_ event: OutboxEvent) {
        guard self.arrived.insert(event.place).inserted else {
            self.result.duplicates += 1
            return
        }
        self.received[event.order, default: []].append(event.place)
    }

    private mutating func keepNotes() {
        if var notes = self.machine.takeNotes() {
            self.noteGivenUp(notes)
            if self.plant == .cursorBeforeYes { notes.record.cursor = self.machine.read(.journal) ?? .start }
            if self.plant == .lettersForgotten { notes.letters = [:] }
            if self.unwritten == nil { self.unwritten = notes } else { self.unwritten?.add(notes) }
        }
        guard let notes = self.unwritten, !self.random.happens(permille: self.settings.failedWritePermille) else {
            return
        }
        self.unwritten = nil
        self.disk.record = notes.record
        for (place, letter) in notes.letters {
            self.disk.waiting.removeAll { $0.event.place == place }
            self.deadOnDisk.remove(place)
            guard let letter else { continue }
            self.result.letters += 1
            if letter.isDead { self.deadOnDisk.insert(place) } else { self.disk.waiting.append(letter) }
        }
        self.disk.waiting.sort { $0.event.place < $1.event.place }
        self.disk.deadAhead = self.deadOnDisk.filter { $0.position > notes.record.cursor.position }
        self.disk.deadCount = self.deadOnDisk.count
    }

    private mutating func noteGivenUp(_ notes: RelayNotes) {
        for case let letter? in notes.letters.values where letter.isDead { self.givenUp.insert(letter.event.place) }
    }

    private mutating func judge() {
        self.result.dead = self.deadOnDisk.count
        if self.step >= Self.stepsLimit { self.result.broken.append("the relay does not come to an end") }
        for event in self.journal where !self.arrived.contains(event.place) && !self.deadOnDisk.contains(event.place) {
            self.result.broken.append("\(event.kind.name) of order \(event.order) never arrived")
        }
        for (order, places) in self.received where places != places.sorted() {
            // An event that was given up may arrive after all: without an answer, or again after a crash.
            let sure = places.filter { !self.givenUp.contains($0) }
            if sure != sure.sorted() { self.result.broken.append("order \(order) arrived out of order") }
        }
    }
}
