import LedgerRows
import TrancheAPI
import TrancheCore

/// What is read from disk: rows and snapshots of a ledger, records and snapshots of the authority log.
enum StoredTarget {
    static func run(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch kind % 4 {
        case 0: self.row(rest)
        case 1:
            guard let record = try? JSON.decode(AuthorityRecord.self, from: rest) else { return }
            let copy = try? JSON.decode(AuthorityRecord.self, from: JSON.encode(record))
            precondition(copy == record, "a copy of the record differs")
        case 2: self.forms(rest)
        default: _ = try? JSON.decode(AuthorityBook.self, from: rest)
        }
    }

    /// Heartbeats, orders of archives, and pieces of snapshots.
    private static func forms(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            if let row = HeartbeatRow(raw) {
                var copy: [UInt8] = []
                row.encode(into: &copy)
                precondition(copy.withUnsafeBytes { HeartbeatRow($0) } == row, "a heartbeat changes by writing it")
            }
            if let stored = OrderForm.order(raw) {
                let copy = OrderForm.bytes(stored.order, payment: stored.payment)
                precondition(
                    copy.withUnsafeBytes { OrderForm.order($0) } == stored, "an order changes by writing it")
            }
            var reader = BookPiecesReader()
            guard reader.read(raw) else { return }
            var pieces = BookPieces(UnitBook(reader.parts))
            var again = BookPiecesReader()
            while let piece = pieces.next() {
                precondition(piece.withUnsafeBytes { again.read($0) }, "a piece that was written is not read")
            }
        }
    }

    private static func row(_ bytes: [UInt8]) {
        var reader = Reader(bytes)
        guard let kind = EntryRow.Kind(rawValue: Int64(reader.byte() % 20)) else { return }
        var row = EntryRow(kind: kind)
        row.lot = reader.number()
        row.quantity = reader.number()
        row.detail = reader.number()
        row.generation = reader.number()
        row.value = reader.number()
        row.deadline = reader.number()
        if reader.byte() % 2 == 1 {
            row.order = OrderID(
                high: UInt64(bitPattern: reader.number() ?? 0), low: UInt64(bitPattern: reader.number() ?? 0))
        }
        row.buyer = reader.text()
        row.text = reader.text()
        var (encoded, place): ([UInt8], Int) = ([], 0)
        row.encode(into: &encoded)
        let isUTF8 = [row.buyer, row.text].allSatisfy { $0 == nil || $0!.utf8.count < 255 }
        if isUTF8 {
            let read = encoded.withUnsafeBytes { EntryRow(reading: $0, at: &place) }
            precondition(read == row && place == encoded.count, "another row is read than was written")
        }
        // Any bytes on a disk are read without a crash.
        var entries: [LedgerEntry] = []
        _ = bytes.withUnsafeBytes { EntryRow.readEntries($0, into: &entries) }
        guard let entry = row.entry else { return }
        // What is read is what would be written.
        precondition(EntryRow(entry).entry == entry, "an entry changes by writing it")
    }

    /// Takes values from the front of the input.
    private struct Reader {
        private var rest: ArraySlice<UInt8>
        init(_ bytes: [UInt8]) { self.rest = bytes[...] }

        mutating func byte() -> UInt8 { self.rest.popFirst() ?? 0 }

        mutating func number() -> Int64? {
            let kind = self.byte()
            switch kind % 4 {
            case 0: return nil
            case 1: return Int64(self.byte())
            case 2: return Int64(Int8(bitPattern: self.byte()))
            default: return (0..<8).reduce(Int64(0)) { value, _ in value << 8 | Int64(self.byte()) }
            }
        }

        mutating func text() -> String? {
            let count = Int(self.byte() % 80)
            guard count > 0 else { return nil }
            defer { self.rest = self.rest.dropFirst(count) }
            return String(decoding: self.rest.prefix(count), as: UTF8.self)
        }
    }

    static var seeds: [[UInt8]] {
        let row: [UInt8] = [1, 1, 1, 1, 1, 2, 1, 1, 1, 9, 1, 9, 1, 1, 1, 1, 2, 1, 98, 1, 112]
        let rows = (1...16 as ClosedRange<UInt8>).map { [0, $0] + row }
        let records: [AuthorityRecord] = [
            .epoch(Epoch(1)), .issued(LotID(1), quantity: 5),
            .granted(LotID(1), UnitID(1), Generation(1), total: 3),
            .returned(LotID(1), UnitID(1), Generation(1), total: 1),
            .contended(LotID(1), ContestTerms(policy: .rounds(milliseconds: 50), waitlist: 4)),
            .carried([Carry(from: LotID(1), to: LotID(2), quantity: 1)]),
        ]
        var book = AuthorityBook()
        for record in records { book.apply(record) }
        return rows + records.map { [1] + JSON.encode($0) } + [[2] + JSON.encode(book)]
    }
}
