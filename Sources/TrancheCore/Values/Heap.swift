/// A binary heap: the smallest element first.
package struct Heap<Element: Comparable & Sendable>: Sendable {
    private var items: [Element] = []
    package init() {}

    package var first: Element? { self.items.first }
    package var count: Int { self.items.count }

    package mutating func insert(_ item: Element) {
        self.items.append(item)
        var place = self.items.count - 1
        while place > 0, self.items[place] < self.items[(place - 1) / 2] {
            self.items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// - Precondition: The heap is not empty.
    package mutating func removeFirst() -> Element {
        let first = self.items[0]
        let last = self.items.removeLast()
        guard !self.items.isEmpty else { return first }
        self.items[0] = last
        var place = 0
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.items.count {
                if self.items[child] < self.items[smallest] { smallest = child }
            }
            if smallest == place { return first }
            self.items.swapAt(place, smallest)
            place = smallest
        }
    }
}
