import TrancheCore

/// What a unit's disk has of its relay.
struct RelayDisk {
    private(set) var start = RelayStart()
    private(set) var dead: Set<OutboxPlace> = []

    var cursor: OutboxCursor { self.start.record.cursor }

    func hasLetter(_ place: OutboxPlace) -> Bool {
        self.dead.contains(place) || self.start.waiting.contains { $0.event.place == place }
    }

    mutating func write(_ notes: RelayNotes) {
        self.start.record = notes.record
        for (place, letter) in notes.letters {
            self.start.waiting.removeAll { $0.event.place == place }
            self.dead.remove(place)
            guard let letter else { continue }
            if letter.isDead { self.dead.insert(place) } else { self.start.waiting.append(letter) }
        }
        self.start.waiting.sort { $0.event.place < $1.event.place }
        self.start.deadAhead = self.dead.filter { $0.position > notes.record.cursor.position }
        self.start.deadCount = self.dead.count
    }
}

/// The relay of a unit's process: the product's machine, and what its thread knows.
final class SimulatedRelay {
    var machine: RelayMachine
    /// The last position that is durable and vouched for.
    var head: UInt64 = 0
    var unwritten: RelayNotes?
    var nextNotes = Instant.distantPast
    /// Deliveries under way, each with the number of its try.
    var underway: [UInt64: Int] = [:]

    init(_ disk: RelayDisk, now: Moment) {
        self.machine = RelayMachine(Self.settings, disk.start, now: now)
    }

    /// So many tries that no event dies before the faults end.
    static var settings: RelaySettings {
        var settings = RelaySettings()
        (settings.concurrency, settings.queueLimit) = (6, 32)
        settings.pauses = RelayPauses([50, 100, 200, 400] + Array(repeating: 1_000, count: 15))!
        return settings
    }
}
