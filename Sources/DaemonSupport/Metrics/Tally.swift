import Synchronization

/// One thread's own counts of ``Families``: plain numbers in an array, which readers of `/metrics` add up with those of the
/// other threads.
///
/// To count is one addition in memory that no other thread writes: no lock, no search, no allocation. Any thread may count
/// on any tally; threads that share one wait for each other's cache lines.
package final class Tally: Sendable {
    // Allocated by `init` and freed by `deinit`, and never moved; each cell is atomic.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<Int>>
    private let count: Int

    init(cells count: Int) {
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

    /// Adds these counts to sums of several tallies.
    func add(to sums: inout [Int]) {
        for index in 0..<self.count { sums[index] &+= self.cells[index].load(ordering: .relaxed) }
    }
}
