import TrancheCore

/// Events in order of time; events of equal time in order of insertion.
///
/// The heap holds indexes only: events are large, and moving them took a tenth of a run.
struct EventQueue {
    private struct Entry {
        let at: Instant
        let number: UInt64
        let place: Int

        func isBefore(_ other: Entry) -> Bool {
            self.at.microseconds == other.at.microseconds
                ? self.number < other.number : self.at.microseconds < other.at.microseconds
        }
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
        self.heap.withUnsafeMutableBufferPointer { heap in
            var child = heap.count - 1
            let entry = heap[child]
            while child > 0, entry.isBefore(heap[(child - 1) / 2]) {
                heap[child] = heap[(child - 1) / 2]
                child = (child - 1) / 2
            }
            heap[child] = entry
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
        self.heap.withUnsafeMutableBufferPointer { heap in
            let entry = heap[0]
            var place = 0
            while 2 * place + 1 < heap.count {
                var child = 2 * place + 1
                if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
                guard heap[child].isBefore(entry) else { break }
                heap[place] = heap[child]
                place = child
            }
            heap[place] = entry
        }
    }
}
