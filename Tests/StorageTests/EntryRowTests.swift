import LedgerRows
import Testing
import TrancheCore

/// A damaged file may contain any bytes: its reader must refuse it, and not crash.
@Suite("Ledger rows") struct EntryRowTests {
    private static var reservation: EntryRow {
        EntryRow(
            .reserved(
                Order(
                    id: OrderID(high: 1, low: 2), buyer: BuyerID("b")!, lot: LotID(1), quantity: 1, buyerLimit: 2,
                    generation: Generation(1), stamp: Stamp(rawValue: 9), deadline: Instant(microseconds: 9))))
    }

    @Test("a row that was written is read back, and a cut row is refused") func writtenEntriesAreReadBack() {
        var bytes: [UInt8] = []
        Self.reservation.encode(into: &bytes)
        var place = 0
        #expect(bytes.withUnsafeBytes { EntryRow(reading: $0, at: &place) } == Self.reservation)
        #expect(place == bytes.count)
        #expect(bytes.count <= 60)
        for length in 1..<bytes.count {
            var entries: [LedgerEntry] = []
            let isRead = bytes[..<length].withUnsafeBytes { EntryRow.readEntries($0, into: &entries) }
            #expect(!isRead, "\(length) of \(bytes.count) bytes were taken for an entry")
        }
    }

    @Test("the wider form of earlier versions is read, too") func widerFormIsRead() {
        var bytes: [UInt8] = []
        Self.reservation.encodeWide(into: &bytes)
        var place = 0
        #expect(bytes.withUnsafeBytes { EntryRow(reading: $0, at: &place) } == Self.reservation)
    }

    @Test("a branch is read as it was written, and one whose units do not fit is none") func branchesAreReadBack() {
        for moment in [Instant.distantPast, Instant(milliseconds: 1_700_000_000_000)] {
            let entry = LedgerEntry.branched(
                LotID(3), Branch(home: UnitID(1), unit: UnitID(65_535), refusedBefore: moment))
            var (bytes, entries): ([UInt8], [LedgerEntry]) = ([], [])
            EntryRow(entry).encode(into: &bytes)
            #expect(bytes.withUnsafeBytes { EntryRow.readEntries($0, into: &entries) } && entries == [entry])
            var row = EntryRow(entry)
            row.value = 65_536
            #expect(row.entry == nil)
            (row.value, row.detail) = (1, -1)
            #expect(row.entry == nil)
        }
    }

    @Test("an allocation is read as it was written: at once, as an offer, or for an order that has ended")
    func allocationsAreReadBack() throws {
        guard case .reserved(var order)? = Self.reservation.entry else { throw CancellationError() }
        for (state, isOffer) in [(OrderState.reserved, false), (.reserved, true), (.cancelled, false)] {
            order.state = state
            let entry = LedgerEntry.allocated(order, isOffer: isOffer)
            var (bytes, entries): ([UInt8], [LedgerEntry]) = ([], [])
            EntryRow(entry).encode(into: &bytes)
            #expect(bytes.withUnsafeBytes { EntryRow.readEntries($0, into: &entries) })
            guard case .allocated(let read, let wasOffer)? = entries.first else { throw CancellationError() }
            #expect((read.id, read.state, wasOffer) == (order.id, state, isOffer))
        }
        // As earlier versions wrote it.
        var row = EntryRow(.allocated(order, isOffer: false))
        row.text = "reserved"
        guard case .allocated(let read, let isOffer)? = row.entry else { throw CancellationError() }
        #expect((read.state, isOffer) == (.reserved, false))
    }

    @Test("a whole row is an entry") func wholeRowIsAnEntry() { #expect(Self.reservation.entry != nil) }

    @Test(
        "a number that does not fit is no entry", arguments: ["lot", "quantity", "detail", "generation"],
        [Int64.max, Int64.min, -1 - Int64(UInt32.max)])
    func overflowingNumberIsNoEntry(column: String, value: Int64) {
        var row = Self.reservation
        switch column {
        case "lot": row.lot = value
        case "quantity": row.quantity = value
        case "detail": row.detail = value
        default: row.generation = value
        }
        #expect(row.entry == nil, "\(value) was taken")
    }

    @Test("an unknown reason of a refusal is no entry", arguments: [Int64?.none, 0, 3])
    func unknownReasonIsNoEntry(detail: Int64?) {
        var row = EntryRow(
            .refused(OrderID(high: 1, low: 2), lot: LotID(1), reason: .duplicate(held: 1, limit: 1)))
        #expect(row.entry != nil)
        row.detail = detail
        #expect(row.entry == nil)
    }
}
