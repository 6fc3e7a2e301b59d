// The policy `band-lottery`: clocks are not exact, so requests near the cut have no certain order.

extension ContestMerge {
    /// Requests surely before the cut pass by stamp. Those within `band` microseconds of it draw lots, by tie
    /// key, as soon as the whole band is known. After the cut the line continues by stamp.
    mutating func passByLottery(upTo frontier: Stamp, band: Int64, pool: Int) -> [ContestBatch.Entrant] {
        var ready: [ContestBatch.Entrant] = []
        while let first = self.heap.first, first.entrant.place.stamp <= frontier {
            ready.append(self.heap.removeFirst().entrant)
        }
        let left = pool - self.book.line.reduce(0) { $0 + $1.quantity }
        let decided = Self.drawLots(ready, left: left, band: band, frontier: frontier)
        for entrant in ready.dropFirst(decided.count) { self.heap.insert(Waiting(entrant: entrant)) }
        return decided
    }

    /// - Parameters:
    ///   - ready: Candidates up to the frontier that have not passed, by place.
    ///   - left: Items beyond the needs of the line.
    /// - Returns: The candidates that can be decided, in final order: always the first ones of `ready`, in another
    ///   order.
    static func drawLots(
        _ ready: [ContestBatch.Entrant], left: Int, band: Int64, frontier: Stamp
    ) -> [ContestBatch.Entrant] {
        guard left > 0 else { return ready }
        var sum = 0
        let cut = ready.firstIndex { entrant in
            sum += entrant.quantity
            return sum > left
        }
        let band = min(max(0, band), Limits.contestWindowMilliseconds * 1_000)
        func micros(_ entrant: ContestBatch.Entrant) -> Int64 { entrant.place.stamp.instant.microseconds }
        guard let cut else {
            // The cut is not known yet: it is after the frontier, so a request one band before the frontier surely
            // wins.
            let sure = ready.firstIndex { micros($0) + band > frontier.instant.microseconds } ?? ready.count
            return Array(ready[..<sure])
        }
        let moment = micros(ready[cut])
        let start = ready.firstIndex { micros($0) >= moment - band } ?? cut
        guard moment + band <= frontier.instant.microseconds else { return Array(ready[..<start]) }
        let end = ready.firstIndex { micros($0) > moment + band } ?? ready.count
        return ready[..<start] + ready[start..<end].sorted { ($0.place.tie, $0.order) < ($1.place.tie, $1.order) }
            + ready[end...]
    }
}
