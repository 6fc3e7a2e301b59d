import LedgerRows
import TrancheCore

/// Reads rows of the journal one after the other, whichever database they are from.
struct OutboxPage {
    /// Rows of one question.
    static let rows = 256
    private(set) var batch: OutboxBatch

    init(after cursor: OutboxCursor) { self.batch = OutboxBatch(cursor: cursor) }

    /// Adds the events of a commit that ends at `end`; entries up to the cursor were read before.
    mutating func add(_ end: UInt64, _ bytes: UnsafeRawBufferPointer, of path: String) throws {
        if !HeartbeatRow.isOne(bytes) {
            var entries: [LedgerEntry] = []
            guard EntryRow.readEntries(bytes, into: &entries), UInt64(entries.count) <= end else {
                throw StorageError.corrupt(path: path, detail: "the commit at position \(end) cannot be read")
            }
            var position = end - UInt64(entries.count)
            for entry in entries {
                position += 1
                if position > self.batch.cursor.position {
                    self.batch.events += self.batch.cursor.pass(entry, at: position)
                }
            }
        }
        self.batch.cursor.position = max(end, self.batch.cursor.position)
    }

    mutating func end(at position: UInt64) { self.batch.cursor.position = max(position, self.batch.cursor.position) }
}

/// The form of a letter in a row: a ledger entry that has the letter's event, and which of its events that is.
enum LetterForm {
    static func bytes(_ event: OutboxEvent) -> [UInt8] {
        var bytes: [UInt8] = []
        if let entry = self.entry(event) { EntryRow(entry).encode(into: &bytes) }
        return bytes
    }

    private static func entry(_ event: OutboxEvent) -> LedgerEntry? {
        switch event.kind {
        case .reserved: event.facts.map { .reserved($0) }
        case .won: event.facts.map { .allocated($0, isOffer: false) }
        case .claimOffered: event.facts.map { .allocated($0, isOffer: true) }
        case .paid:
            event.facts.flatMap { order in event.payment.map { .confirmed(order, payment: $0) } }
        case .expired, .cancelled, .stockReturned: event.facts.map { .released($0, state: $0.state) }
        case .lost: event.facts.map { .lost($0) }
        case .revived:
            event.facts.flatMap { order in event.payment.map { .revived(order, payment: $0) } }
        case .received:
            event.payment.map {
                .received(event.order, Payment(id: $0, amount: event.amount), paid: event.paid)
            }
        case .refundDue: event.refund.map { .refundDue($0) }
        case .refunded: event.refundKey.map { .refunded($0) }
        }
    }

    /// - Returns: `nil` if the bytes have no such event.
    static func event(_ bytes: UnsafeRawBufferPointer, kind: Int64, _ place: OutboxPlace) -> OutboxEvent? {
        var entries: [LedgerEntry] = []
        guard EntryRow.readEntries(bytes, into: &entries), let kind = UInt8(exactly: kind),
            var event = entries.first?.events(at: place.position, generation: place.generation)
                .first(where: { $0.kind.rawValue == kind })
        else { return nil }
        event.place = place
        return event
    }
}
