import Testing
import TrancheCore

/// One consumer's relay, with a journal of events at positions of their own.
private final class Box {
    var machine: RelayMachine
    var milliseconds: Int64 = 1_000_000
    var position: UInt64 = 0

    var now: Moment {
        let instant = Instant(milliseconds: self.milliseconds)
        return Moment(wall: instant, steady: instant)
    }

    init(_ start: RelayStart = RelayStart(), _ change: (inout RelaySettings) -> Void = { _ in }) {
        var settings = RelaySettings()
        settings.pauses = RelayPauses([1_000, 10_000, 100_000])!
        change(&settings)
        self.machine = RelayMachine(
            settings, start,
            now: Moment(wall: Instant(milliseconds: 1_000_000), steady: Instant(milliseconds: 1_000_000)))
        self.position = start.record.cursor.position
    }

    /// A reservation of each of these orders.
    func read(_ orders: [UInt64], way: RelayMachine.Way = .journal, at position: UInt64? = nil) {
        if let position { self.position = position - 1 }
        var cursor = OutboxCursor(position: self.position, generation: Generation(1))
        var events: [OutboxEvent] = []
        for number in orders { events += cursor.pass(.reserved(Self.order(number)), at: cursor.position + 1) }
        self.position = cursor.position
        self.machine.take(events, upTo: cursor, of: way, now: self.now)
    }

    static func order(_ number: UInt64) -> Order {
        Order(
            id: OrderID(high: 0, low: number), buyer: BuyerID("b")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 1))
    }

    func start() -> [RelayMachine.Delivery] { self.machine.start(now: self.now) }

    func answer(_ delivery: RelayMachine.Delivery, _ answer: RelayMachine.Answer = .yes) {
        self.machine.answered(delivery.ticket, answer, draw: 0, now: self.now)
    }

    /// Lets the one delivery that is due fail.
    func failOnce() {
        let due = self.start()
        #expect(due.count == 1)
        for one in due { self.answer(one, .no(reason: "status 500")) }
    }

    func notes() -> RelayNotes? { self.machine.takeNotes() }

    func beginReplay(after cursor: OutboxCursor, upTo end: UInt64) -> Bool {
        self.machine.beginReplay(after: cursor, upTo: end)
    }

    var cursor: UInt64 { self.machine.record.cursor.position }
}

@Suite("Relay") struct RelayMachineTests {
    @Test("the cursor moves only after the yes, and never past an event that is still open") func cursorWaits() {
        let box = Box()
        box.read([1, 2, 3])
        let sent = box.start()
        #expect(sent.map(\.event.order.low) == [1, 2, 3])
        #expect(box.cursor == 0)
        box.answer(sent[1])
        box.answer(sent[2])
        #expect(box.cursor == 0, "the first one is open")
        box.answer(sent[0])
        #expect(box.cursor == 3)
        #expect(box.notes()?.record.cursor.position == 3)
        #expect(box.notes() == nil, "nothing has changed since")
    }

    @Test("of each order one event is under way, and the next one waits for its yes") func ordersKeepTheirOrder() {
        let box = Box()
        box.read([1, 1, 2, 1])
        let sent = box.start()
        #expect(sent.map(\.event.place.position) == [1, 3])
        box.answer(sent[0], .no(reason: "status 500"))
        #expect(box.start().isEmpty, "a failed event goes before the next one of its order")
        box.milliseconds += 1_000
        let again = box.start()
        #expect(again.map(\.event.place.position) == [1])
        #expect(again[0].tryNumber == 2)
        box.answer(again[0])
        #expect(box.start().map(\.event.place.position) == [2])
    }

    @Test("no more deliveries are under way than the consumer wants") func concurrencyIsBounded() {
        let box = Box { $0.concurrency = 2 }
        box.read([1, 2, 3])
        let sent = box.start()
        #expect(sent.count == 2)
        #expect(box.start().isEmpty)
        box.answer(sent[0])
        #expect(box.start().count == 1)
    }

    @Test("a full queue reads no more, and a queue with room does") func queueIsBounded() {
        let box = Box { ($0.queueLimit, $0.concurrency) = (16, 16) }
        #expect(box.machine.wanted(.journal, head: 100) == 16)
        box.read(Array(1...12))
        #expect(box.machine.wanted(.journal, head: 100) == 0)
        for one in box.start() { box.answer(one) }
        #expect(box.machine.wanted(.journal, head: 100) == 16)
        #expect(box.machine.wanted(.journal, head: 12) == 0, "there is nothing more")
    }

    @Test("a rate is never exceeded in any second, and nothing is sent in the first one") func rateHolds() {
        let box = Box { ($0.perSecond, $0.concurrency) = (20, 256) }
        box.read(Array(1...200))
        #expect(box.start().isEmpty, "an earlier process may have used the second up")
        var times: [Int64] = []
        for _ in 0..<4_000 {
            box.milliseconds += 1
            for one in box.start() {
                times.append(box.milliseconds)
                box.answer(one)
            }
        }
        #expect(times.count > 50)
        for (index, time) in times.enumerated() where index >= 20 { #expect(time - times[index - 20] > 1_000) }
        box.machine.setRate(nil, now: box.now)
        #expect(!box.start().isEmpty, "a limit that is gone holds nothing up")
    }

    @Test("pauses grow by the schedule, and are longer by a fifth at most") func pausesGrow() {
        let box = Box()
        box.read([1])
        for pause: Int64 in [1_000, 10_000, 100_000] {
            box.failOnce()
            #expect(box.machine.nextDue == box.now.steady.advanced(milliseconds: pause))
            box.milliseconds += pause - 1
            #expect(box.start().isEmpty)
            box.milliseconds += 1
        }
        for draw: UInt64 in [0, 100, 200, .max] {
            let jittered = Box()
            jittered.read([1])
            let sent = jittered.start()
            jittered.machine.answered(sent[0].ticket, .no(reason: ""), draw: draw, now: jittered.now)
            let wait = jittered.machine.nextDue!.milliseconds(since: jittered.now.steady)
            #expect((1_000...1_200).contains(wait))
        }
    }

    @Test("a receiver that names a longer pause gets it") func retryAfterCounts() {
        let box = Box()
        box.read([1])
        box.answer(box.start()[0], .no(reason: "status 429", retryAfterMilliseconds: 7_000))
        #expect(box.machine.nextDue == box.now.steady.advanced(milliseconds: 7_000))
    }

    @Test("an event that fails twice becomes a durable letter, and the cursor goes on") func lettersLeaveTheQueue() {
        let box = Box()
        box.read([1, 2, 1])
        let sent = box.start()
        box.answer(sent[0], .no(reason: "status 500"))
        box.answer(sent[1])
        #expect(box.cursor == 0)
        box.milliseconds += 1_000
        box.failOnce()
        #expect(box.cursor == 3, "the later event of the order is a letter, too")
        let notes = box.notes()
        let letters = notes?.letters.values.compactMap { $0 }.sorted { $0.event.place < $1.event.place } ?? []
        #expect(letters.map(\.tries) == [2, 0])
        #expect(letters.map(\.isDead) == [false, false])
        #expect(letters.first?.reason == "status 500")
        box.read([1])
        #expect(box.cursor == 4, "and so is one that is read afterwards")

        // The next process goes on with them, in their order.
        let start = RelayStart(record: notes!.record, waiting: letters)
        let next = Box(start)
        #expect(next.start().isEmpty, "the letter has its pause")
        next.milliseconds += 11_000
        let again = next.start()
        #expect(again.map(\.tryNumber) == [3])
        next.answer(again[0])
        #expect(next.start().map(\.event.place.position) == [3])
        #expect(next.notes()?.letters.values.contains { $0 == nil } == true)
    }

    @Test("after the last try an event is a dead letter, and its order goes on; revived, it has all its tries")
    func deadLetters() {
        let box = Box()
        box.read([1, 1])
        for _ in 0..<4 {
            box.failOnce()
            box.milliseconds += 200_000
        }
        let dead = box.notes()?.letters.values.compactMap { $0 }.filter(\.isDead) ?? []
        #expect(dead.map(\.tries) == [4])
        #expect(box.machine.figures.dead == 1)
        let next = box.start()
        #expect(next.map(\.event.place.position) == [2])
        box.answer(next[0])
        #expect(box.cursor == 2)
        box.machine.revive(dead, now: box.now)
        let again = box.start()
        #expect(again.map(\.event.place.position) == [1])
        #expect(again[0].tryNumber == 1)
        box.answer(again[0])
        #expect(box.machine.figures.dead == 0)
        #expect(box.machine.figures.letters == 0)
    }

    @Test("what was a letter, or dead, before the crash is not read again from the journal") func nothingComesTwice() {
        let box = Box()
        box.read([1, 2, 3])
        let events = box.start().map(\.event)
        let waiting = RelayLetter(
            event: events[1], tries: 2, due: Instant(milliseconds: 9_000_000), isDead: false, reason: "")
        let next = Box(RelayStart(waiting: [waiting], deadAhead: [events[2].place], deadCount: 1))
        next.read([1, 2, 3])
        #expect(next.start().map(\.event.place.position) == [1])
    }

    @Test("a receiver that takes nothing costs one delivery after each growing pause, and few tries")
    func awayReceiversAreProbed() {
        let box = Box()
        box.read(Array(1...40))
        for one in box.start() { box.answer(one, .no(reason: "no connection")) }
        #expect(box.machine.isAway)
        #expect(box.start().isEmpty)
        box.milliseconds += 1_000
        let probe = box.start()
        #expect(probe.count == 1)
        box.answer(probe[0], .no(reason: "no connection"))
        box.milliseconds += 1_999
        #expect(box.start().isEmpty, "the pause has doubled")
        box.milliseconds += 1
        let second = box.start()
        #expect(second.count == 1)
        box.answer(second[0])
        #expect(!box.machine.isAway)
        #expect(box.start().count == 16)
    }

    @Test("a receiver that is gone gets nothing more, over restarts, until an operator enables it") func goneDisables()
    {
        let box = Box()
        box.read([1, 2])
        let sent = box.start()
        box.answer(sent[0], .gone(reason: "status 410"))
        box.answer(sent[1])
        #expect(box.start().isEmpty)
        #expect(box.machine.wanted(.journal, head: 100) == 0)
        let record = box.notes()!.record
        #expect(record.isDisabled)
        #expect(record.cursor.position == 0, "the event was not taken")
        let next = Box(RelayStart(record: record))
        next.read([1, 2])
        #expect(next.start().isEmpty)
        next.machine.enable()
        #expect(next.start().count == 2)
        #expect(next.notes()?.record.isDisabled == false)
    }

    @Test("a range is repeated under the same ids beside the rest, and goes on after a restart") func replays() {
        let box = Box()
        box.read([1, 2, 3])
        for one in box.start() { box.answer(one) }
        #expect(box.beginReplay(after: .start, upTo: 2))
        #expect(!box.beginReplay(after: .start, upTo: 3), "one at a time")
        #expect(box.machine.wanted(.replay, head: 3) > 0)
        box.read([1, 2], way: .replay, at: 1)
        let repeated = box.start()
        #expect(repeated.map(\.event.place.position) == [1, 2])
        box.answer(repeated[0])
        let record = box.notes()!.record
        #expect(record.cursor.position == 3)
        #expect(record.replay?.cursor.position == 1)
        box.answer(repeated[1])
        #expect(box.notes()!.record.replay == nil, "the replay is over")

        let next = Box(RelayStart(record: record))
        #expect(next.machine.read(.replay)?.position == 1)
        next.read([2], way: .replay, at: 2)
        #expect(next.start().map(\.event.place.position) == [2])
    }

    @Test("kinds that the consumer does not want are passed over") func kindsAreChosen() {
        let box = Box { $0.kinds = [.paid] }
        box.read([1, 2])
        #expect(box.start().isEmpty)
        #expect(box.cursor == 2)
        #expect(box.notes()?.record.cursor.position == 2)
    }

    @Test("later notes replace earlier ones, letter by letter") func notesAddUp() {
        let place = OutboxPlace(generation: Generation(1), position: 1, index: 0)
        let event = LedgerEntry.reserved(Box.order(1)).events(at: 1, generation: Generation(1))[0]
        let letter = RelayLetter(event: event, tries: 2, due: .distantPast, isDead: false, reason: "")
        var notes = RelayNotes(record: RelayRecord(), letters: [place: letter])
        var record = RelayRecord()
        record.cursor.position = 9
        notes.add(RelayNotes(record: record, letters: [place: nil]))
        #expect(notes.record.cursor.position == 9)
        #expect(notes.letters.count == 1)
        #expect(notes.letters[place]! == nil)
    }

    @Test("pauses that make no sense are refused") func pausesAreChecked() {
        #expect(RelayPauses([]) == nil)
        #expect(RelayPauses([0]) == nil)
        #expect(RelayPauses([5, 1]) == nil)
        #expect(RelayPauses([Limits.relayPauseMilliseconds + 1]) == nil)
        #expect(RelayPauses(Array(repeating: 1, count: Limits.relayPauses + 1)) == nil)
        #expect(RelayPauses.standard.milliseconds.count == 9)
        #expect(RelayPauses.standard.milliseconds.reduce(0, +) == 272_105_000, "three days, 3 h, 35 min and 5 s")
    }
}
