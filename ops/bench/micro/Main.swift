import CountedMalloc
import Foundation

@main enum Main {
    static let calls = 2_000
    static let runs = 5

    static func main() {
        var failures = 0
        print("                                              ns/operation  allocations  at most")
        for benchmark in Benchmarks.all {
            for _ in 0..<200 { benchmark.body() }
            var nanoseconds: [Double] = []
            var allocations: [Double] = []
            for _ in 0..<self.runs {
                let (start, before) = (ContinuousClock.now, counted_allocations())
                for _ in 0..<self.calls { benchmark.body() }
                let took = (ContinuousClock.now - start).components
                let operations = Double(self.calls * benchmark.operations)
                nanoseconds.append((Double(took.seconds) * 1e9 + Double(took.attoseconds) / 1e9) / operations)
                allocations.append(Double(counted_allocations() - before) / operations)
            }
            let (time, count) = (nanoseconds.sorted()[self.runs / 2], allocations.sorted()[self.runs / 2])
            // The clock and the loop allocate memory from time to time.
            let isMet = count <= benchmark.allocationsLimit + 0.01
            if !isMet { failures += 1 }
            let name = benchmark.name.padding(toLength: 44, withPad: " ", startingAt: 0)
            print(
                name
                    + String(
                        format: "%14.1f %12.2f %8.2f%@", time, count, benchmark.allocationsLimit,
                        isMet ? "" : "  TOO MANY"))
        }
        if failures > 0 {
            print("\(failures) benchmark(s) allocate more than they may: see the limits in Benchmarks.swift")
            exit(1)
        }
    }
}
