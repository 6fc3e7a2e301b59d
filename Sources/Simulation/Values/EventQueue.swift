import TrancheCore

/// Events in order of time; events of equal time in order of insertion.
///
/// The heap holds indexes only: events are large, and moving them took a tenth of a run.
struct EventQueue {
    private struct Entry {
        let at: Instant
        let number: UInt64
        let index: Int

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
        let index: Int
        if let last = self.free.popLast() {
            index = last
            self.events[index] = event
        } else {
            index = self.events.count
            self.events.append(event)
        }
        self.heap.append(Entry(at: at, number: self.count, index: index))
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

    var nextAt: Instant? { self.heap.first?.at }

    mutating func pop() -> (Instant, World.Event)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        let event = self.events[first.index]!
        self.events[first.index] = nil
        self.free.append(first.index)
        return (first.at, event)
    }

    private mutating func sink() {
        self.heap.withUnsafeMutableBufferPointer { heap in
            let entry = heap[0]
            var index = 0
            while 2 * index + 1 < heap.count {
                var child = 2 * index + 1
                if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
                guard heap[child].isBefore(entry) else { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = entry
        }
    }
}
