import NIOConcurrencyHelpers

/// The tallies of all threads that count the same families.
package final class Tallies: Sendable {
    let families: Families
    private let all = NIOLockedValueBox<[Tally]>([])

    init(_ families: Families) { self.families = families }

    /// A tally for one more thread, or for one part of the process that has few events.
    package func tally() -> Tally {
        let tally = Tally(cells: self.families.cells)
        self.all.withLockedValue { $0.append(tally) }
        return tally
    }

    private var sums: [Int] {
        var sums = [Int](repeating: 0, count: self.families.cells)
        for tally in self.all.withLockedValue({ $0 }) { tally.add(to: &sums) }
        return sums
    }

    /// The counts of a family, by the number of the label's value.
    package func counts(_ family: CounterFamily) -> [Int] {
        Array(self.sums[family.first..<(family.first + family.count)])
    }

    /// The counts in the buckets of a family, by the number of the label's value.
    package func buckets(_ family: HistogramFamily) -> [[Int]] {
        let sums = self.sums
        return (0..<family.count).map { value in
            let first = family.first + value * (Buckets.count + 1)
            return Array(sums[first..<(first + Buckets.count)])
        }
    }

    /// The text of each family, by its name.
    var texts: [(name: String, text: String)] {
        let sums = self.sums
        return self.families.all.map { ($0.name, Self.text(of: $0, sums)) }
    }

    private static func text(of family: Families.Family, _ sums: [Int]) -> String {
        let kind = family.isHistogram ? "histogram" : "counter"
        var text = "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(kind)\n"
        for (number, value) in family.values.enumerated() {
            let first = family.first + number * family.cellsPerValue
            let label = family.label.isEmpty ? "" : "\(family.label)=\"\(value)\""
            if family.isHistogram {
                self.write(family.name, label, sums[first..<(first + family.cellsPerValue)], into: &text)
            } else {
                text += family.name + (label.isEmpty ? "" : "{\(label)}") + " \(sums[first])\n"
            }
        }
        return text
    }

    private static func write(_ name: String, _ label: String, _ cells: ArraySlice<Int>, into text: inout String) {
        var below = 0
        for (bound, cell) in zip(Buckets.bounds, cells) {
            below += cell
            text += "\(name)_bucket{\(label.isEmpty ? "" : label + ",")le=\"\(bound)\"} \(below)\n"
        }
        let labels = label.isEmpty ? "" : "{\(label)}"
        text += "\(name)_sum\(labels) \(Double(cells.last ?? 0) / 1e6)\n\(name)_count\(labels) \(below)\n"
    }
}
