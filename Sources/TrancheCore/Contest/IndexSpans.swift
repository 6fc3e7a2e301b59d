/// A set of indexes that come almost in sequence, as spans: a million decided candidates of one unit are a few of them.
package struct IndexSpans: Hashable, Sendable {
    /// The indexes from `start` to below `end`.
    package struct Span: Hashable, Sendable {
        package var start: UInt32
        package var end: UInt32
        package init(start: UInt32, end: UInt32) { (self.start, self.end) = (start, end) }
    }
    /// In order; no two overlap or touch.
    package private(set) var spans: [Span] = []

    package init() {}

    package var isEmpty: Bool { self.spans.isEmpty }

    package func contains(_ index: Int) -> Bool {
        guard let index = UInt32(exactly: index) else { return false }
        let place = self.place(after: index)
        return place > 0 && index < self.spans[place - 1].end
    }

    /// - Precondition: `index` is in `0...`` ``Limits/candidateIndex``.
    package mutating func insert(_ index: Int) {
        precondition((0...Limits.candidateIndex).contains(index), "index \(index) is beyond \(Limits.candidateIndex)")
        let index = UInt32(index)
        let place = self.place(after: index)
        let isBehindSpan = place > 0 && index <= self.spans[place - 1].end
        if isBehindSpan, index < self.spans[place - 1].end { return }
        let isBeforeSpan = place < self.spans.count && index + 1 == self.spans[place].start
        switch (isBehindSpan, isBeforeSpan) {
        case (true, true):
            self.spans[place - 1].end = self.spans[place].end
            self.spans.remove(at: place)
        case (true, false): self.spans[place - 1].end = index + 1
        case (false, true): self.spans[place].start = index
        case (false, false): self.spans.insert(Span(start: index, end: index + 1), at: place)
        }
    }

    /// Adds a span behind all others.
    ///
    /// - Returns: Whether it is one: not empty, behind the last one with a gap between them, and within the limit.
    package mutating func append(_ span: Span) -> Bool {
        guard span.start < span.end, span.end <= Limits.candidateIndex + 1,
            self.spans.last.map({ $0.end < span.start }) ?? true
        else { return false }
        self.spans.append(span)
        return true
    }

    /// The place of the first span that starts after `index`.
    private func place(after index: UInt32) -> Int {
        // Most indexes belong to the end.
        if let last = self.spans.last, last.start <= index { return self.spans.count }
        var (low, high) = (0, self.spans.count)
        while low < high {
            let middle = (low + high) / 2
            if self.spans[middle].start <= index { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension IndexSpans: Codable {
    /// Start and end of each span, one after the other.
    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd {
            let span = Span(start: try container.decode(UInt32.self), end: try container.decode(UInt32.self))
            guard self.append(span) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(span) is out of order")
            }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for span in self.spans {
            try container.encode(span.start)
            try container.encode(span.end)
        }
    }
}
