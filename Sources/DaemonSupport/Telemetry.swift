import NIOConcurrencyHelpers

/// Counters and gauges of one process, in the Prometheus text format.
///
/// Each series has its own lock, and the text is made outside of it, so that a thread that counts on the hot path does
/// not wait for a reader of `/metrics`.
package final class Telemetry: Sendable {
    private final class Series: Sendable {
        let help: String
        let isCounter: Bool
        let values = NIOLockedValueBox<[String: Double]>([:])
        init(help: String, isCounter: Bool) { (self.help, self.isCounter) = (help, isCounter) }
    }
    private let series = NIOLockedValueBox<[String: Series]>([:])
    /// The maximum number of label sets of one series; more are dropped, so that labels cannot fill the memory.
    package static let labelsLimit = 10_000

    package init() {}

    package func count(_ name: String, _ help: String, labels: String = "", by amount: Int = 1) {
        self.change(name, help, isCounter: true, labels) { $0 += Double(amount) }
    }

    package func set(_ name: String, _ help: String, labels: String = "", to value: Double) {
        self.change(name, help, isCounter: false, labels) { $0 = value }
    }

    private func change(
        _ name: String, _ help: String, isCounter: Bool, _ labels: String, _ body: (inout Double) -> Void
    ) {
        let one = self.series.withLockedValue { series in
            if let known = series[name] { return known }
            let made = Series(help: help, isCounter: isCounter)
            series[name] = made
            return made
        }
        one.values.withLockedValue { values in
            guard values.count < Self.labelsLimit || values[labels] != nil else { return }
            body(&values[labels, default: 0])
        }
    }

    /// All series, as `/metrics` shows them.
    package var text: String {
        let all = self.series.withLockedValue { Array($0) }
        return all.sorted { $0.key < $1.key }.map { name, one in
            // A separate array: the next change would copy a shared dictionary.
            let values = one.values.withLockedValue { $0.map { (labels: $0.key, value: $0.value) } }
            let lines = values.sorted { $0.labels < $1.labels }.map { labels, value in
                labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)"
            }
            return "# HELP \(name) \(one.help)\n# TYPE \(name) \(one.isCounter ? "counter" : "gauge")\n"
                + lines.joined(separator: "\n") + "\n"
        }.joined()
    }
}
