/// What units have answered, as the center has heard it: sums that go on when a unit starts again, and their recent past.
///
/// Nothing here is durable. A center that has just begun to lead takes what each process has counted since its start.
package struct FigureBook: Sendable {
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
    package static let pastMilliseconds: Int64 = 60_000
    static let stepMilliseconds: Int64 = 5_000
    private var units: [UnitID: Unit] = [:]

    package init() {}

    /// Takes in a unit's report.
    ///
    /// - Parameter now: By a clock that does not step.
    package mutating func hear(_ unit: UnitID, _ incarnation: Incarnation, _ figures: PurchaseFigures, now: Instant) {
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

    package mutating func forget(_ unit: UnitID) { self.units[unit] = nil }

    /// All that units have answered, as far as this center has heard it.
    package var sums: [UnitID: PurchaseFigures] { self.units.mapValues(\.sum) }

    /// What units have answered in about the last minute.
    package var recent: [UnitID: PurchaseFigures] {
        self.units.mapValues { unit in unit.past.first.map { unit.sum - $0.sum } ?? PurchaseFigures() }
    }

    /// When a unit was heard last; `nil` if it never was, or reports no figures.
    package func heard(_ unit: UnitID) -> Instant? { self.units[unit]?.heardAt }
}
