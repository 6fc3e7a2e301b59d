// From ranks to numbers of entries and back. Both are estimates: draws are taken as uniform, and arrivals as uniform
// within their span. One is the reverse of the other, up to one entry.
extension ArrivalCounts {
    /// About how many entries have this rank or a lower one.
    package func entries(upTo rank: EntryRank) -> Int {
        guard let moment = rank.arrivedAt else {
            // drawn · (rank + 1) / 2^63, without loss.
            let product = (rank.rawValue + 1).multipliedFullWidth(by: UInt64(self.drawn))
            return Int(product.high << 1 | product.low >> 63)
        }
        var count = self.drawn
        for span in self.spans {
            guard span.startsAt <= moment else { break }
            count += Self.part(of: span, until: moment, known: self.knownEnd(of: span))
        }
        return count
    }

    /// Entries before the one with this rank.
    package func ahead(of rank: EntryRank, admitted: Int) -> Int {
        max(0, self.entries(upTo: rank) - max(admitted, 0) - 1)
    }

    /// The rank that about `count` entries do not exceed.
    ///
    /// If all entries pass, so does everybody who arrived until ``completeUntil``, and nobody who came later.
    package func rank(ofEntries count: Int) -> EntryRank {
        guard count > 0 else { return .nobody }
        if count <= self.drawn {
            // count · 2^63 / drawn, rounded up, less 1: at most the last rank of a draw.
            let dividend = (high: UInt64(count) >> 1, low: UInt64(count) << 63)
            let (quotient, rest) = UInt64(self.drawn).dividingFullWidth(dividend)
            return EntryRank(rawValue: quotient + (rest > 0 ? 1 : 0) - 1)
        }
        var left = count - self.drawn
        for span in self.spans {
            guard left <= span.count else {
                left -= span.count
                continue
            }
            let length = self.knownEnd(of: span).microseconds - span.startsAt.microseconds
            let product = UInt64(length).multipliedFullWidth(by: UInt64(left))
            let (quotient, rest) = UInt64(span.count).dividingFullWidth(product)
            let last = span.startsAt.microseconds + Int64(quotient) + (rest > 0 ? 1 : 0) - 1
            return self.known(EntryRank(arrivedAt: Instant(microseconds: last)))
        }
        return self.known(.everybody)
    }

    /// The end of what is known of a span: the last one is still filling.
    private func knownEnd(of span: ArrivalSpan) -> Instant {
        let isFilling = span.startsAt < self.completeUntil && self.completeUntil < span.endsAt
        return isFilling ? self.completeUntil : span.endsAt
    }

    /// No rank of an arrival passes that may not be counted yet.
    private func known(_ rank: EntryRank) -> EntryRank {
        guard self.completeUntil > .distantPast else { return min(rank, .lastDrawn) }
        return min(rank, EntryRank(arrivedAt: Instant(microseconds: self.completeUntil.microseconds - 1)))
    }

    private static func part(of span: ArrivalSpan, until moment: Instant, known end: Instant) -> Int {
        let length = end.microseconds - span.startsAt.microseconds
        guard moment.microseconds < end.microseconds - 1 else { return span.count }
        let passed = moment.microseconds - span.startsAt.microseconds + 1
        let product = UInt64(span.count).multipliedFullWidth(by: UInt64(passed))
        return Int(UInt64(length).dividingFullWidth(product).quotient)
    }
}
