import NIOConcurrencyHelpers

/// Counters, gauges and histograms of one process, in the Prometheus text format.
///
/// What happens for every order is counted in the ``Tally`` of its thread. The rest has names that are looked up: each such
/// family has its own lock, and the text is made outside of it, so that a thread that counts does not wait for a reader of
/// `/metrics`.
package final class Telemetry: Sendable {
    private final class Series: Sendable {
        let help: String
        let isCounter: Bool
        let values = NIOLockedValueBox<[String: Double]>([:])
        init(help: String, isCounter: Bool) { (self.help, self.isCounter) = (help, isCounter) }
    }
    private let series = NIOLockedValueBox<[String: Series]>([:])
    private let tallies = NIOLockedValueBox<[Tallies]>([])
    private let used = NIOLockedValueBox<(series: Int, dropped: Int)>((1, 0))  // With the series of what was dropped.
    private let limits: (labels: Int, series: Int)
    /// The maximum number of label sets of one family; more are dropped, so that labels cannot fill the memory. Of a
    /// process's lots so many have series of their own. Sums over all lots have one for all.
    package static let labelsLimit = 200
    /// The maximum number of series of one process. Further ones are dropped, and counted.
    package static let seriesLimit = 2_000

    package init(labelsLimit: Int = Telemetry.labelsLimit, seriesLimit: Int = Telemetry.seriesLimit) {
        self.limits = (labelsLimit, seriesLimit)
    }

    /// Adds families with a closed set of label values.
    ///
    /// - Precondition: They are not added yet, and fit into the limit.
    package func add(_ families: Families) -> Tallies {
        let tallies = Tallies(families)
        self.used.withLockedValue { $0.series += families.series }
        precondition(
            self.used.withLockedValue { $0.series } <= self.limits.series, "more than \(self.limits.series) series")
        self.tallies.withLockedValue { $0.append(tallies) }
        return tallies
    }

    package func count(_ name: String, _ help: String, labels: String = "", by amount: Int = 1) {
        self.change(name, help, isCounter: true, labels) { $0 += Double(amount) }
    }

    package func set(_ name: String, _ help: String, labels: String = "", to value: Double) {
        self.change(name, help, isCounter: false, labels) { $0 = value }
    }

    /// Sets a counter to a sum that is kept elsewhere.
    package func total(_ name: String, _ help: String, labels: String = "", to value: Double) {
        self.change(name, help, isCounter: true, labels) { $0 = value }
    }

    /// Replaces all series of a gauge, so that those of lots and units that are gone disappear.
    ///
    /// - Parameter values: The first ones have series, up to the limits.
    package func replace(_ name: String, _ help: String, label: String, with values: [(value: String, gauge: Double)]) {
        let one = self.family(name, help, isCounter: false)
        one.values.withLockedValue { series in
            let kept = self.take(min(values.count, self.limits.labels), of: values.count, insteadOf: series.count)
            series = Dictionary(
                values.prefix(kept).map { ("\(label)=\"\($0.value)\"", $0.gauge) }, uniquingKeysWith: { $1 })
        }
    }

    private func family(_ name: String, _ help: String, isCounter: Bool) -> Series {
        self.series.withLockedValue { series in
            if let known = series[name] { return known }
            let made = Series(help: help, isCounter: isCounter)
            series[name] = made
            return made
        }
    }

    private func change(
        _ name: String, _ help: String, isCounter: Bool, _ labels: String, _ body: (inout Double) -> Void
    ) {
        self.family(name, help, isCounter: isCounter).values.withLockedValue { values in
            if values[labels] == nil {
                let room = values.count < self.limits.labels ? 1 : 0
                guard self.take(room, of: 1, insteadOf: 0) == 1 else { return }
            }
            body(&values[labels, default: 0])
        }
    }

    /// Reserves room for series in place of others. What does not fit is counted.
    ///
    /// - Parameters:
    ///   - wanted: As many as their family may have.
    ///   - all: As many as there are.
    private func take(_ wanted: Int, of all: Int, insteadOf before: Int) -> Int {
        self.used.withLockedValue { used in
            let others = used.series - before
            let taken = min(wanted, max(0, self.limits.series - others))
            used = (others + taken, used.dropped + all - taken)
            return taken
        }
    }

    /// All series, as `/metrics` shows them.
    package var text: String {
        let name = "tranche_series_dropped_total"
        let dropped = self.used.withLockedValue { $0.dropped }
        var texts = [
            (
                name,
                "# HELP \(name) Values without a series, because the process has as many as it may.\n"
                    + "# TYPE \(name) counter\n\(name) \(dropped)\n"
            )
        ]
        for tallies in self.tallies.withLockedValue({ $0 }) { texts += tallies.texts }
        texts += self.series.withLockedValue { Array($0) }.compactMap { name, one in
            Self.text(of: one, name).map { (name, $0) }
        }
        return texts.sorted { $0.0 < $1.0 }.map(\.1).joined()
    }

    /// - Returns: `nil` if there is no value.
    private static func text(of one: Series, _ name: String) -> String? {
        // A separate array: the next change would copy a shared dictionary.
        let values = one.values.withLockedValue { $0.map { (labels: $0.key, value: $0.value) } }
        guard !values.isEmpty else { return nil }
        let lines = values.sorted { $0.labels < $1.labels }.map { labels, value in
            labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)"
        }
        return "# HELP \(name) \(one.help)\n# TYPE \(name) \(one.isCounter ? "counter" : "gauge")\n"
            + lines.joined(separator: "\n") + "\n"
    }
}
