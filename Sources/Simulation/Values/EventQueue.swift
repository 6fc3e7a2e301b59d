import TrancheCore

/// Events in order of time, and of their insertion where times are equal.
struct EventQueue {
    private var heap: [(at: Instant, number: UInt64, event: World.Event)] = []
    private var count: UInt64 = 0

    mutating func push(_ event: World.Event, at: Instant) {
        self.count += 1
        self.heap.append((at, self.count, event))
        var place = self.heap.count - 1
        while place > 0, self.isBefore(place, (place - 1) / 2) {
            self.heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func pop() -> (Instant, World.Event)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return (first.at, first.event) }
        self.heap[0] = last
        var place = 0
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.heap.count {
                if self.isBefore(child, smallest) { smallest = child }
            }
            if smallest == place { return (first.at, first.event) }
            self.heap.swapAt(place, smallest)
            place = smallest
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (self.heap[left].at, self.heap[left].number) < (self.heap[right].at, self.heap[right].number)
    }
}
