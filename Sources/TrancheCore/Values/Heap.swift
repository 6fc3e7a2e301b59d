/// A binary heap: the smallest element first.
package struct Heap<Element: Comparable & Sendable>: Sendable {
    private var items: [Element] = []
    package init() {}

    package var first: Element? { self.items.first }
    package var count: Int { self.items.count }

    package mutating func insert(_ item: Element) {
        self.items.append(item)
        var index = self.items.count - 1
        while index > 0, self.items[index] < self.items[(index - 1) / 2] {
            self.items.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// - Precondition: The heap is not empty.
    package mutating func removeFirst() -> Element {
        let first = self.items[0]
        let last = self.items.removeLast()
        guard !self.items.isEmpty else { return first }
        self.items[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < self.items.count {
                if self.items[child] < self.items[smallest] { smallest = child }
            }
            if smallest == index { return first }
            self.items.swapAt(index, smallest)
            index = smallest
        }
    }
}
