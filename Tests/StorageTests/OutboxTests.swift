import Foundation
import Storage
import TestSupport
import Testing
import TrancheCore

/// The ledger as an outbox: its events by position, and the cursors of consumers.
@Suite("Outbox of a ledger") struct OutboxTests {
    private let first = Incarnation(1)

    private func order(_ number: UInt64, lot: UInt32 = 1) -> Order {
        Order(
            id: OrderID(high: number, low: number), buyer: BuyerID("b\(number)")!, lot: LotID(lot), quantity: 1,
            buyerLimit: 5, generation: Generation(1), stamp: Stamp(rawValue: number),
            deadline: Instant(microseconds: 9))
    }

    /// 20 orders that are paid or expire, with heartbeats between the commits.
    private func sell(_ ledger: any LedgerStore) throws {
        try ledger.commit(
            [.opened(self.first), .ceiling(Stamp(rawValue: 1 << 40)), .granted(LotID(1), total: 100)], as: self.first)
        for number in 1...20 as ClosedRange<UInt64> {
            try ledger.commit([.reserved(self.order(number)), .soldOut(LotID(1))], as: self.first)
            let end: LedgerEntry =
                number % 2 == 0
                ? .confirmed(self.order(number), payment: PaymentID("p\(number)")!)
                : .released(self.order(number), state: .expired)
            try ledger.commit([end], as: self.first)
            try ledger.commit([.nonce(number)], as: self.first)
        }
    }

    private func all(
        _ outbox: any OutboxStore, after cursor: OutboxCursor = .start, upTo end: UInt64, events count: Int = 7
    ) throws -> [OutboxEvent] {
        var (events, cursor): ([OutboxEvent], OutboxCursor) = ([], cursor)
        while cursor.position < end {
            let batch = try outbox.read(after: cursor, upTo: end, events: count)
            #expect(batch.cursor.position > cursor.position)
            events += batch.events
            cursor = batch.cursor
        }
        return events
    }

    @Test(
        "every fate is read in order, in batches of any size, and up to the given position only",
        arguments: LedgerEngine.allCases)
    func eventsAreRead(engine: LedgerEngine) throws {
        let ledger = try LedgerBox(engine).open()
        try self.sell(ledger)
        let outbox = try ledger.openOutbox()
        let events = try self.all(outbox, upTo: ledger.head.position)
        #expect(events.filter { $0.kind == .reserved }.map(\.order.low) == Array(1...20))
        #expect(events.filter { $0.kind == .paid }.count == 10)
        #expect(events.filter { $0.kind == .stockReturned }.count == 10)
        #expect(events.map(\.place) == events.map(\.place).sorted())
        #expect(Set(events.map { $0.id(of: ledger.unit) }).count == events.count)
        #expect(try self.all(outbox, upTo: ledger.head.position, events: 1_000) == events)
        // From within a commit: its first entry was taken before.
        let third = events[2].place
        let rest = try self.all(
            outbox, after: OutboxCursor(position: third.position, generation: Generation(1)),
            upTo: ledger.head.position)
        #expect(rest == events.filter { $0.place.position > third.position })
        let some = try outbox.read(after: .start, upTo: third.position, events: 1_000)
        #expect(some.cursor.position >= third.position)
        #expect(some.events.allSatisfy { $0.place.position <= some.cursor.position })
    }

    @Test(
        "events of a new generation have its number, also for a reader that begins behind it",
        arguments: LedgerEngine.allCases)
    func generationsAreNamed(engine: LedgerEngine) throws {
        let ledger = try LedgerBox(engine).open()
        try self.sell(ledger)
        let old = ledger.head.position
        try ledger.commit([.generation(Generation(2)), .granted(LotID(1), total: 5)], as: self.first)
        let refund = LedgerEntry.refundDue(OrderID(high: 9, low: 9), payment: PaymentID("x")!, reason: .unknownOrder)
        try ledger.commit([refund], as: self.first)
        let outbox = try ledger.openOutbox()
        let events = try self.all(outbox, upTo: ledger.head.position)
        #expect(events.last?.place.generation == Generation(2))
        #expect(events.dropLast().allSatisfy { $0.place.generation == Generation(1) })
        let cursor = try outbox.cursor(before: old + 3)
        #expect(cursor.generation == Generation(2))
        #expect(try self.all(outbox, after: cursor, upTo: ledger.head.position) == [events.last!])
    }

    @Test("a consumer that was away reads commits that have left for the archive") func archivedCommits() throws {
        let path = try TemporaryFolder.make() + "/ledger.sqlite"
        let ledger = try UnitLedger(path: path, unit: UnitID(1), newID: LedgerID(77))
        try self.sell(ledger)
        let outbox = try ledger.openOutbox()
        let end = ledger.head.position
        let before = try self.all(outbox, upTo: end)
        let archived = try LotArchive.write(
            LotID(1), of: try ledger.recover().orders, in: LotArchive.folder(of: path))
        try ledger.commit([.archived(archived)], as: self.first)
        try ledger.takeSnapshot(of: try ledger.recover(), as: self.first)
        let copied = try JournalArchive.copy(from: path, before: try #require(try ledger.movableBefore))
        #expect(try self.all(outbox, upTo: end) == before, "copied, and not deleted yet")
        while try ledger.deleteMoved(upTo: try #require(copied), rows: 5, as: self.first) {
            #expect(try self.all(outbox, upTo: end) == before, "while they are deleted")
        }
        #expect(try LedgerFigures.journal(of: path).rows <= 3)
        #expect(try self.all(outbox, upTo: end) == before)
        #expect(try self.all(outbox, upTo: end, events: 1_000) == before)
    }

    private func letter(_ event: OutboxEvent, isDead: Bool = false) -> RelayLetter {
        RelayLetter(
            event: event, tries: 3, due: Instant(microseconds: 77), isDead: isDead, reason: "status 500")
    }

    @Test("cursor, letters and replay of a consumer come back over a restart", arguments: LedgerEngine.allCases)
    func recordsAreDurable(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try self.sell(ledger)
        let outbox = try ledger.openOutbox()
        let beginning = try outbox.claim("shop", from: .start, as: self.first)
        #expect(beginning.record == RelayRecord())
        let events = try self.all(outbox, upTo: ledger.head.position)
        var record = RelayRecord()
        record.cursor = OutboxCursor(position: 12, generation: Generation(1))
        record.replay = .init(cursor: OutboxCursor(position: 3, generation: Generation(1)), end: 9)
        record.isDisabled = true
        // One letter of each kind of event.
        let kinds = Dictionary(grouping: events, by: \.kind).values.map { $0[0] }
        var letters: [OutboxPlace: RelayLetter?] = [:]
        for event in kinds { letters[event.place] = self.letter(event) }
        let dead = events.last!
        letters[dead.place] = self.letter(dead, isDead: true)
        try outbox.write(RelayNotes(record: record, letters: letters), of: "shop", as: self.first)

        let again = try box.open().openOutbox()
        let start = try again.claim("shop", from: .start, as: Incarnation(2))
        #expect(start.record == record)
        #expect(start.waiting.count == kinds.filter { $0 != dead }.count)
        for letter in start.waiting {
            let event = try #require(kinds.first { $0.place == letter.event.place })
            #expect(letter.event.kind == event.kind)
            #expect(letter.event.order == event.order)
            #expect(letter.event.payment == event.payment)
            #expect(letter.event.facts?.state == event.facts?.state)
            #expect((letter.tries, letter.due.microseconds, letter.reason) == (3, 77, "status 500"))
        }
        #expect(start.deadAhead == [dead.place])
        #expect(start.deadCount == 1)
        let seen = try OutboxLetters.read(box.location)
        #expect(seen.map { $0.letter.event.place } == letters.keys.sorted())
        #expect(seen.filter { $0.letter.isDead }.map { $0.letter.event.place } == [dead.place])
        #expect(seen.allSatisfy { $0.consumer == "shop" && $0.letter.reason == "status 500" })
        #expect(try again.deadLetters(of: "shop", after: nil, limit: 10).map(\.event.place) == [dead.place])
        #expect(try again.deadLetters(of: "shop", after: dead.place, limit: 10).isEmpty)
        try again.write(RelayNotes(record: record, letters: [dead.place: nil]), of: "shop", as: Incarnation(2))
        #expect(try again.deadLetters(of: "shop", after: nil, limit: 10).isEmpty)
        #expect(try again.claim("other", from: record.cursor, as: Incarnation(2)).record.cursor == record.cursor)
    }

    @Test(
        "a stream has every entry at its position, and stops where the chain breaks", arguments: LedgerEngine.allCases)
    func streamHasEveryEntry(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try self.sell(ledger)
        var (events, cursor): ([OutboxEvent], OutboxCursor) = ([], .start)
        let result = try LedgerStream.read(box.location) { entry, position, head in
            #expect(position <= head.position)
            events += cursor.pass(entry, at: position)
        }
        #expect(events == (try self.all(try ledger.openOutbox(), upTo: ledger.head.position)))
        #expect(result.head == ledger.head)
        #expect(result.unit == ledger.unit)
        #expect(result.accounts == (try box.audit().accounts))
        try box.flip(1, at: 5, of: Int(try box.integers("SELECT min(position) FROM journal")[0]))
        #expect(throws: StorageError.self) { try LedgerStream.read(box.location) { _, _, _ in } }
    }

    @Test("a copy into another database has the cursors and letters", arguments: LedgerEngine.allCases)
    func copiesHaveTheCursors(engine: LedgerEngine) throws {
        let box = try LedgerBox(engine)
        let ledger = try box.open()
        try self.sell(ledger)
        let outbox = try ledger.openOutbox()
        _ = try outbox.claim("shop", from: .start, as: self.first)
        let events = try self.all(outbox, upTo: ledger.head.position)
        var record = RelayRecord()
        record.cursor = OutboxCursor(position: 12, generation: Generation(1))
        let waiting = self.letter(events[0])
        let letters: [OutboxPlace: RelayLetter?] = [
            events[0].place: waiting, events[1].place: self.letter(events[1], isDead: true),
        ]
        try outbox.write(RelayNotes(record: record, letters: letters), of: "shop", as: self.first)
        for target in LedgerEngine.allCases {
            let copy = try box.copyInto(target).open().openOutbox()
            let start = try copy.claim("shop", from: .start, as: Incarnation(2))
            #expect(start.record == record)
            #expect(start.waiting == [waiting])
            #expect(start.deadCount == 1)
            #expect(throws: StorageError.self) { try copy.claim("shop", from: .start, as: self.first) }
        }
    }

    @Test("a newer incarnation shuts the older one out of the consumer, and no other", arguments: LedgerEngine.allCases)
    func olderRelaysAreShutOut(engine: LedgerEngine) throws {
        let ledger = try LedgerBox(engine).open()
        try self.sell(ledger)
        let (old, new) = (try ledger.openOutbox(), try ledger.openOutbox())
        _ = try old.claim("shop", from: .start, as: self.first)
        _ = try new.claim("shop", from: .start, as: Incarnation(2))
        var record = RelayRecord()
        record.cursor.position = 5
        let notes = RelayNotes(record: record)
        #expect { try old.write(notes, of: "shop", as: self.first) } throws: { error in
            if case .superseded(_, let current)? = error as? StorageError { current == 2 } else { false }
        }
        #expect(throws: StorageError.self) { try old.claim("shop", from: .start, as: self.first) }
        try new.write(notes, of: "shop", as: Incarnation(2))
        _ = try old.claim("other", from: .start, as: self.first)
        try old.write(notes, of: "other", as: self.first)
    }

    @Test("commits go on while a consumer is read and written", arguments: LedgerEngine.allCases)
    func commitsDoNotWait(engine: LedgerEngine) throws {
        let ledger = try LedgerBox(engine).open()
        try self.sell(ledger)
        let outbox = try ledger.openOutbox()
        _ = try outbox.claim("shop", from: .start, as: self.first)
        for number in 30...60 as ClosedRange<UInt64> {
            try ledger.commit([.reserved(self.order(number))], as: self.first)
            let batch = try outbox.read(after: .start, upTo: ledger.head.position, events: 1_000)
            #expect(batch.events.last?.order.low == number)
            var record = RelayRecord()
            record.cursor = batch.cursor
            try outbox.write(RelayNotes(record: record), of: "shop", as: self.first)
        }
        #expect(try ledger.recover().orders.count == 51)
    }
}
