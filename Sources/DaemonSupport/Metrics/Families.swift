/// Metrics of a process whose label values are known before it starts. Each has a place in the arrays of a ``Tally``.
///
/// A family is a metric with all its series. A closed set of label values keeps the number of series fixed, and shows every
/// series from the start: an alarm on an increase sees the first one, too.
package struct Families: Sendable {
    struct Family: Sendable {
        let name: String
        let help: String
        let isHistogram: Bool
        /// Empty for a family of one series.
        let label: String
        let values: [String]
        /// The first of its cells.
        let first: Int
        var cellsPerValue: Int { self.isHistogram ? Buckets.count + 1 : 1 }
        var series: Int { self.values.count * (self.isHistogram ? Buckets.count + 2 : 1) }
    }
    private(set) var all: [Family] = []
    private(set) var cells = 0

    package init() {}

    /// Series that `/metrics` shows for all families.
    package var series: Int { self.all.reduce(0) { $0 + $1.series } }

    /// - Parameter values: The values of the label; the place of a value here is its number.
    package mutating func counter(
        _ name: String, _ help: String, label: String = "", values: [String] = [""]
    ) -> CounterFamily {
        precondition(name.hasSuffix("_total"), "\(name): the name of a counter ends with _total")
        return CounterFamily(first: self.add(name, help, label, values, isHistogram: false), count: values.count)
    }

    /// - Parameter values: The values of the label; the place of a value here is its number.
    package mutating func histogram(
        _ name: String, _ help: String, label: String = "", values: [String] = [""]
    ) -> HistogramFamily {
        precondition(name.hasSuffix("_seconds"), "\(name): the name of a histogram ends with _seconds")
        return HistogramFamily(first: self.add(name, help, label, values, isHistogram: true), count: values.count)
    }

    private mutating func add(
        _ name: String, _ help: String, _ label: String, _ values: [String], isHistogram: Bool
    ) -> Int {
        precondition(!self.all.contains { $0.name == name }, "\(name) is there already")
        let family = Family(
            name: name, help: help, isHistogram: isHistogram, label: label, values: values, first: self.cells)
        self.all.append(family)
        self.cells += values.count * family.cellsPerValue
        return family.first
    }
}

/// A counter in ``Families``.
package struct CounterFamily: Sendable {
    let first: Int
    let count: Int
}

/// A histogram of durations in ``Families``.
package struct HistogramFamily: Sendable {
    let first: Int
    let count: Int
}

/// The buckets of every histogram: from half a millisecond to ten seconds.
package enum Buckets {
    package static let microseconds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000,
    ]
    /// With the last one, which has no bound.
    static let count = Buckets.microseconds.count + 1
    static let bounds = Buckets.microseconds.map { "\(Double($0) / 1e6)" } + ["+Inf"]

    /// The number of the first bucket whose bound is not below a duration.
    package static func index(microseconds: Int64) -> Int {
        // Most durations are in the first buckets.
        for index in 0..<(self.count - 1) where microseconds <= self.microseconds[index] { return index }
        return self.count - 1
    }
}
