/// A part of a contest, as a new leader reads it from the center.
///
/// What was decided travels as spans of indexes and as numbers of verdicts, so that a contest of millions is a page or
/// two. The pages of one contest belong to one epoch and one batch: nobody but the leader who reads them could change it
/// meanwhile.
package struct ContestPage: Hashable, Sendable {
    package struct Head: Hashable, Sendable {
        package let lot: LotID
        /// The leader that the page is for.
        package let epoch: Epoch
        package let batches: UInt64
        package let terms: ContestTerms
        package let frontier: Place
        package let passedCount: Int
        /// Items of all pages.
        package let items: Int
        package init(
            lot: LotID, epoch: Epoch, batches: UInt64, terms: ContestTerms, frontier: Place, passedCount: Int,
            items: Int
        ) {
            self.lot = lot
            self.epoch = epoch
            self.batches = batches
            self.terms = terms
            self.frontier = frontier
            self.passedCount = passedCount
            self.items = items
        }
    }
    package enum Item: Hashable, Sendable {
        /// The next order of the line.
        case waiting(ContestBatch.Entrant)
        /// Candidates that have had their final place.
        case passed(ContestBook.Queue, IndexSpans.Span)
        /// The number of verdicts for a unit.
        case told(UnitID, Int)
        /// An order of a batch that did not say its index.
        case unnumbered(OrderID, Generation)
    }
    package let head: Head
    /// The number of the first item; items count from 0 in all pages.
    package let first: Int
    package let items: [Item]
    package init(head: Head, first: Int, items: [Item]) { (self.head, self.first, self.items) = (head, first, items) }
}

extension ContestBook {
    /// Verdicts of one unit from a number on, as far as a page has room.
    package func verdicts(of unit: UnitID, from number: Int) -> [Verdict] {
        guard let list = self.verdicts[unit], (0...list.count).contains(number) else { return [] }
        return list[number..<min(list.count, number + Limits.verdictsPerPage)]
    }

    /// Items of all pages.
    var itemCount: Int {
        self.line.count + self.passed.values.reduce(0) { $0 + $1.spans.count } + self.verdicts.count
            + self.unnumbered.count
    }

    /// A page that begins with an item; empty, if that is behind the last one.
    ///
    /// - Parameters:
    ///   - first: Not negative.
    ///   - limit: The largest number of items.
    package func page(
        _ lot: LotID, for epoch: Epoch, from first: Int, limit: Int = Limits.itemsPerPage
    ) -> ContestPage {
        var window = ItemWindow(skip: first, room: limit)
        window.add(self.line.count) { .waiting(self.line[$0]) }
        for queue in self.passed.keys.sorted() where !window.isFull {
            let spans = self.passed[queue]!.spans
            window.add(spans.count) { .passed(queue, spans[$0]) }
        }
        let units = self.verdicts.keys.sorted()
        window.add(units.count) { .told(units[$0], self.verdicts[units[$0]]!.count) }
        if !window.isFull {
            let orders = self.unnumbered.keys.sorted()
            window.add(orders.count) { .unnumbered(orders[$0], self.unnumbered[orders[$0]]!) }
        }
        let head = ContestPage.Head(
            lot: lot, epoch: epoch, batches: self.batches, terms: self.terms, frontier: self.frontier,
            passedCount: self.passedCount, items: self.itemCount)
        return ContestPage(head: head, first: first, items: window.items)
    }
}

/// Collects a run of items out of several lists, as if they were one.
private struct ItemWindow {
    private(set) var items: [ContestPage.Item] = []
    private var skip: Int
    private let room: Int

    init(skip: Int, room: Int) { (self.skip, self.room) = (skip, room) }

    var isFull: Bool { self.items.count >= self.room }

    mutating func add(_ count: Int, _ item: (Int) -> ContestPage.Item) {
        let start = min(self.skip, count)
        self.skip -= start
        for index in start..<min(count, start + self.room - self.items.count) { self.items.append(item(index)) }
    }
}
