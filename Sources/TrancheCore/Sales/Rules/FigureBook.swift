/// What units have answered, or the gates of regions, as the center has heard it: sums that go on when a process
/// starts again, and their recent past.
///
/// Nothing here is durable. A center that has just begun to lead takes what each process has counted since its start.
package struct FigureBook<Source: Hashable & Sendable>: Sendable {
    fileprivate struct Unit {
        var incarnation: Incarnation
        /// The last figures of the process.
        var last: PurchaseFigures
        var sum: PurchaseFigures
        var heardAt: Instant
        /// Earlier sums, the oldest first.
        var past: [(at: Instant, sum: PurchaseFigures)]
    }
    /// The time before a change with which it is compared.
    package static var pastMilliseconds: Int64 { 60_000 }
    static var stepMilliseconds: Int64 { 5_000 }
    private var units: [Source: Unit] = [:]

    package init() {}

    /// Takes in a unit's report.
    ///
    /// - Parameters:
    ///   - incarnation: Higher for a later process.
    ///   - now: By a clock that does not step.
    package mutating func hear(_ unit: Source, _ incarnation: Incarnation, _ figures: PurchaseFigures, now: Instant) {
        guard var known = self.units[unit] else {
            self.units[unit] = Unit(
                incarnation: incarnation, last: figures, sum: figures, heardAt: now, past: [(now, figures)])
            return
        }
        if figures.follows(known.last) {
            known.sum = known.sum + (figures - known.last)
        } else if incarnation > known.incarnation {
            known.sum = known.sum + figures  // Of a new process, which counts from nothing.
        } else {
            return  // A report that was overtaken.
        }
        (known.incarnation, known.last, known.heardAt) = (max(incarnation, known.incarnation), figures, now)
        if let newest = known.past.last, now.milliseconds(since: newest.at) >= Self.stepMilliseconds {
            known.past.append((now, known.sum))
            let begin = now.advanced(milliseconds: -Self.pastMilliseconds)
            // The oldest one that is kept is at the begin of the time, or before it.
            while known.past.count > 1, known.past[1].at <= begin { known.past.removeFirst() }
        }
        self.units[unit] = known
    }

    /// All that units have answered, as far as this center has heard it.
    package var sums: [Source: PurchaseFigures] { self.units.mapValues(\.sum) }

    /// What units have answered in about the last minute.
    package var recent: [Source: PurchaseFigures] {
        self.units.mapValues { unit in unit.past.first.map { unit.sum - $0.sum } ?? PurchaseFigures() }
    }

    /// When a unit was heard last; `nil` if it never was, or reports no figures.
    package func heard(_ unit: Source) -> Instant? { self.units[unit]?.heardAt }
}

/// What the gates of each region have answered. A gate has another name after each start.
package struct GateFigures: Sendable {
    /// Gates that are told apart. The one that has been silent for longest is forgotten for one more.
    package static let gatesLimit = 1_024
    private var last: [String: (figures: PurchaseFigures, heardAt: Instant)] = [:]
    private var sums: [String: PurchaseFigures] = [:]
    package private(set) var book = FigureBook<String>()

    package init() {}

    /// Takes in a gate's report.
    ///
    /// - Parameters:
    ///   - gate: Its name, and its start.
    ///   - now: By a clock that does not step.
    package mutating func hear(_ gate: String, region: String, _ figures: PurchaseFigures, now: Instant) {
        let known = self.last[gate]?.figures ?? PurchaseFigures()
        guard figures.follows(known) else { return }  // A report that was overtaken.
        if self.last[gate] == nil, self.last.count >= Self.gatesLimit,
            let silent = self.last.min(by: { ($0.value.heardAt, $0.key) < ($1.value.heardAt, $1.key) })
        {
            self.last[silent.key] = nil
        }
        self.last[gate] = (figures, now)
        let sum = (self.sums[region] ?? PurchaseFigures()) + (figures - known)
        self.sums[region] = sum
        self.book.hear(region, Incarnation(0), sum, now: now)
    }
}
