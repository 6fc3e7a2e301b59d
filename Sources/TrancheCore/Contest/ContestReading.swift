/// Why a new leader does not take a page. It begins again with the first one.
package enum ContestPageError: Error, Hashable, Sendable {
    /// The page is for another leader.
    case otherEpoch(Epoch, expected: Epoch)
    /// The page is of another lot, or the contest has changed since the first page.
    case otherContest(LotID, batches: UInt64, expected: UInt64)
    /// The page does not begin where the last one ended, or it is empty.
    case outOfTurn(Int, expected: Int)
    /// The page has items behind the last one of the contest.
    case tooLong(Int, limit: Int)
    /// An item that cannot stand here: a repetition, or an empty span.
    case unfitItem(number: Int)
}

/// Makes the book of a contest out of its pages. The leader decides nothing before it has the last one.
package struct ContestReading: Sendable {
    package let lot: LotID
    package let epoch: Epoch
    private var head: ContestPage.Head?
    private var book: ContestBook?
    /// The first item of the next page.
    package private(set) var next = 0

    package init(_ lot: LotID, for epoch: Epoch) { (self.lot, self.epoch) = (lot, epoch) }

    /// The batch of the first page; `nil` before it came.
    package var batches: UInt64? { self.head?.batches }

    /// The contest without its verdicts; `nil` until all pages came.
    package var finished: ContestBook? { self.head?.items == self.next ? self.book : nil }

    /// Takes the next page in. After an error the reading is of no use.
    package mutating func take(_ page: ContestPage) throws(ContestPageError) {
        let head = self.head ?? page.head
        guard page.head.epoch == self.epoch else { throw .otherEpoch(page.head.epoch, expected: self.epoch) }
        guard page.head == head, page.head.lot == self.lot else {
            throw .otherContest(page.head.lot, batches: page.head.batches, expected: head.batches)
        }
        guard page.first == self.next, !page.items.isEmpty || head.items == 0 else {
            throw .outOfTurn(page.first, expected: self.next)
        }
        guard page.items.count <= head.items - self.next else {
            throw .tooLong(page.first + page.items.count, limit: head.items)
        }
        var book = self.book ?? ContestBook(head)
        self.book = nil  // So that a change copies nothing.
        for item in page.items {
            guard book.take(item) else { throw .unfitItem(number: self.next) }
            self.next += 1
        }
        (self.head, self.book) = (head, book)
    }
}

extension ContestBook {
    fileprivate init(_ head: ContestPage.Head) {
        self.init(terms: head.terms)
        (self.batches, self.frontier, self.passedCount) = (head.batches, head.frontier, head.passedCount)
    }

    /// - Returns: Whether the item fits to those before it.
    fileprivate mutating func take(_ item: ContestPage.Item) -> Bool {
        switch item {
        case .waiting(let entrant): return self.stand(entrant)
        case .passed(let queue, let span): return self.passed[queue, default: IndexSpans()].append(span)
        case .told(let unit, let count):
            guard count >= 0 else { return false }
            return self.verdicts.updateValue(VerdictList(first: count), forKey: unit) == nil
        case .unnumbered(let order, let generation):
            return self.unnumbered.updateValue(generation, forKey: order) == nil
        }
    }
}
