import NIOConcurrencyHelpers
import Synchronization

/// One thread's own counts of ``Families``: plain numbers in an array, which readers of `/metrics` add up with those of the
/// other threads.
///
/// To count is one addition in memory that no other thread writes: no lock, no search, no allocation. Any thread may count
/// on any tally; threads that share one wait for each other's cache lines.
package final class Tally: Sendable {
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<Int>>
    private let count: Int

    fileprivate init(cells count: Int) {
        self.count = count
        self.cells = .allocate(capacity: count)
        for index in 0..<count { (self.cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        self.cells.deinitialize(count: self.count)
        self.cells.deallocate()
    }

    /// - Parameter value: The number of the label's value.
    package func count(_ family: CounterFamily, _ value: Int = 0, by amount: Int = 1) {
        precondition(value < family.count, "label value \(value) of \(family.count)")
        self.cells[family.first + value].wrappingAdd(amount, ordering: .relaxed)
    }

    /// Counts a duration.
    ///
    /// - Parameters:
    ///   - value: The number of the label's value.
    ///   - microseconds: How long it took. Less than nothing, by a clock that stepped, counts as nothing.
    package func observe(_ family: HistogramFamily, _ value: Int = 0, microseconds: Int64, times: Int = 1) {
        precondition(value < family.count, "label value \(value) of \(family.count)")
        let first = family.first + value * (Buckets.count + 1)
        let length = max(0, microseconds)
        self.cells[first + Buckets.index(microseconds: length)].wrappingAdd(times, ordering: .relaxed)
        self.cells[first + Buckets.count].wrappingAdd(Int(length) &* times, ordering: .relaxed)
    }

    fileprivate func add(to sums: inout [Int]) {
        for index in 0..<self.count { sums[index] &+= self.cells[index].load(ordering: .relaxed) }
    }
}

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
