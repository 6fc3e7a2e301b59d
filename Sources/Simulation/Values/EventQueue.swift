import TrancheCore

/// Events in order of time, and of their insertion where times are equal.
///
/// The heap holds places only: events are large, and moving them up and down took a tenth of a run.
struct EventQueue {
    private struct Entry {
        let at: Instant
        let number: UInt64
        let place: Int
    }
    private var heap: [Entry] = []
    private var events: [World.Event?] = []
    private var free: [Int] = []
    private var count: UInt64 = 0

    mutating func push(_ event: World.Event, at: Instant) {
        self.count += 1
        let place: Int
        if let last = self.free.popLast() {
            place = last
            self.events[place] = event
        } else {
            place = self.events.count
            self.events.append(event)
        }
        self.heap.append(Entry(at: at, number: self.count, place: place))
        var child = self.heap.count - 1
        while child > 0, self.isBefore(child, (child - 1) / 2) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> (Instant, World.Event)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        let event = self.events[first.place]!
        self.events[first.place] = nil
        self.free.append(first.place)
        return (first.at, event)
    }

    private mutating func sink() {
        var place = 0
        while true {
            var smallest = place
            for child in 2 * place + 1...2 * place + 2 where child < self.heap.count {
                if self.isBefore(child, smallest) { smallest = child }
            }
            if smallest == place { return }
            self.heap.swapAt(place, smallest)
            place = smallest
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (self.heap[left], self.heap[right])
        return one.at == other.at ? one.number < other.number : one.at < other.at
    }
}
