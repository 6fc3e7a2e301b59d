/// One way through the journal: which events were read from it, and up to where all of them are done.
struct RelayTrack: Sendable {
    private struct Item: Sendable {
        let place: OutboxPlace
        var isDone = false
    }
    /// Up to here the journal was read.
    private(set) var read: OutboxCursor
    /// The last position of a replay; `nil` for the way that ends nowhere.
    let end: UInt64?
    private var items: [Item] = []
    private var first = 0
    /// The number of `items[0]` since the beginning.
    private var base = 0
    /// Events that were read and are not done.
    private(set) var open = 0

    init(from cursor: OutboxCursor, end: UInt64? = nil) { (self.read, self.end) = (cursor, end) }

    /// Everything up to it is done.
    var cursor: OutboxCursor {
        guard self.first < self.items.count else { return self.read }
        let place = self.items[self.first].place
        return OutboxCursor(position: place.position - 1, generation: place.generation)
    }

    var isOver: Bool { self.open == 0 && self.end.map { self.read.position >= $0 } ?? false }

    mutating func advance(to cursor: OutboxCursor) { self.read = cursor }

    /// - Returns: The number for ``finish(_:)``.
    mutating func add(_ place: OutboxPlace) -> Int {
        self.items.append(Item(place: place))
        self.open += 1
        return self.base + self.items.count - 1
    }

    mutating func finish(_ number: Int) {
        guard !self.items[number - self.base].isDone else { return }
        self.items[number - self.base].isDone = true
        self.open -= 1
        while self.first < self.items.count, self.items[self.first].isDone { self.first += 1 }
        guard self.first >= 1_024, self.first * 2 >= self.items.count else { return }
        self.items.removeFirst(self.first)
        (self.base, self.first) = (self.base + self.first, 0)
    }
}
