import LedgerRows
package import TrancheCore

/// Reads the letters of all consumers of a ledger, for those who look at it from outside.
package enum OutboxLetters {
    /// - Returns: Letters with the names of their consumers, in order of consumer and place. One that cannot be read is left out.
    package static func read(
        _ location: LedgerLocation
    ) throws(StorageError) -> [(consumer: String, letter: RelayLetter)] {
        do {
            let reader = try LedgerReader(location)
            let rows = try reader.read { try reader.outbox() }
            return rows.letters.compactMap { row in self.letter(row).map { (row.consumer, $0) } }
                .sorted { ($0.0, $0.1.event.place) < ($1.0, $1.1.event.place) }
        } catch { throw StorageError(error, path: "\(location)") }
    }

    private static func letter(_ row: OutboxRows.Letter) -> RelayLetter? {
        let numbers = row.numbers.compactMap { $0 }
        guard numbers.count == OutboxRows.Letter.count, let generation = UInt32(exactly: numbers[2]) else { return nil }
        let place = OutboxPlace(
            generation: Generation(generation), position: UInt64(bitPattern: numbers[0]), index: Int(numbers[1]))
        guard let event = row.entry.withUnsafeBytes({ LetterForm.event($0, kind: numbers[3], place) }) else {
            return nil
        }
        return RelayLetter(
            event: event, tries: Int(numbers[4]), due: Instant(microseconds: numbers[5]), isDead: numbers[6] != 0,
            reason: row.reason)
    }
}
