import NIOConcurrencyHelpers

/// Counters and gauges of one process, in the Prometheus text format.
package final class Telemetry: Sendable {
    private struct Series {
        var help: String
        var isCounter: Bool
        var values: [String: Double] = [:]
    }
    private let series = NIOLockedValueBox<[String: Series]>([:])
    /// Series and label sets of one process at most; more are dropped, so that labels cannot fill the memory.
    package static let seriesLimit = 10_000

    package init() {}

    package func count(_ name: String, _ help: String, labels: String = "", by amount: Int = 1) {
        self.change(name, help, isCounter: true) { $0[labels, default: 0] += Double(amount) }
    }

    package func set(_ name: String, _ help: String, labels: String = "", to value: Double) {
        self.change(name, help, isCounter: false) { $0[labels] = value }
    }

    private func change(_ name: String, _ help: String, isCounter: Bool, _ body: (inout [String: Double]) -> Void) {
        self.series.withLockedValue { series in
            var one = series[name] ?? Series(help: help, isCounter: isCounter)
            guard one.values.count < Self.seriesLimit else { return }
            body(&one.values)
            series[name] = one
        }
    }

    /// Everything, as `/metrics` shows it.
    package var text: String {
        self.series.withLockedValue { series in
            series.sorted { $0.key < $1.key }.map { name, one in
                let lines = one.values.sorted { $0.key < $1.key }.map { labels, value in
                    labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)"
                }
                return "# HELP \(name) \(one.help)\n# TYPE \(name) \(one.isCounter ? "counter" : "gauge")\n"
                    + lines.joined(separator: "\n") + "\n"
            }.joined()
        }
    }
}
