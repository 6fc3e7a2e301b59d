import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import Testing

/// Counting goes on while readers read.
@Suite("Telemetry", .serialized) struct TelemetryTests {
    private static let help = "For a test."
    private static let labels = 10_000

    private func thread(_ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let done = DispatchSemaphore(value: 0)
        Thread {
            body()
            done.signal()
        }.start()
        return { done.wait() }
    }

    @Test(
        "counts from many threads are neither lost nor doubled while readers read; each reading is whole, and never below an earlier one"
    )
    func countsAreNeitherLostNorDoubled() {
        let (telemetry, threads, changes) = (Telemetry(), 8, 5_000)
        let isOver = NIOLockedValueBox(false)
        let readings = NIOLockedValueBox<[Int]>([])
        let reader = self.thread {
            while !isOver.withLockedValue({ $0 }) {
                let text = telemetry.text
                #expect(text.isEmpty || text.hasSuffix("\n"))
                readings.withLockedValue { $0.append(Self.value(of: "all_total", in: text)) }
            }
        }
        let counters = (0..<threads).map { number in
            self.thread {
                for change in 1...changes {
                    telemetry.count("all_total", Self.help)
                    telemetry.count("own_total", Self.help, labels: "thread=\"\(number)\"", by: 2)
                    telemetry.set("last", Self.help, labels: "thread=\"\(number)\"", to: Double(change))
                }
            }
        }
        for counter in counters { counter() }
        isOver.withLockedValue { $0 = true }
        reader()
        let text = telemetry.text
        #expect(Self.value(of: "all_total", in: text) == threads * changes)
        for number in 0..<threads {
            #expect(Self.value(of: "own_total{thread=\"\(number)\"}", in: text) == 2 * changes)
            #expect(Self.value(of: "last{thread=\"\(number)\"}", in: text) == changes)
        }
        let seen = readings.withLockedValue { $0 }
        #expect(seen == seen.sorted())
    }

    private static func value(of series: String, in text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
        return (line?.split(separator: " ").last).flatMap { Double($0) }.map(Int.init) ?? 0
    }

    /// As many label sets as there may be: a reading of them takes long.
    private func full(_ name: String) -> Telemetry {
        let telemetry = Telemetry(labelsLimit: Self.labels, seriesLimit: 2 * Self.labels)
        for number in 0..<Self.labels {
            telemetry.count(name, Self.help, labels: "number=\"\(number)\"")
        }
        return telemetry
    }

    @Test("counting goes on while a reader formats its text") func countingContinuesWhileTextIsFormatted() {
        let telemetry = self.full("big_total")
        let isReading = NIOLockedValueBox(false)
        let isOver = NIOLockedValueBox(false)
        let changes = NIOLockedValueBox(0)
        let counter = self.thread {
            while !isOver.withLockedValue({ $0 }) {
                telemetry.count("big_total", Self.help, labels: "number=\"7\"")
                if isReading.withLockedValue({ $0 }) { changes.withLockedValue { $0 += 1 } }
            }
        }
        // If readers kept the lock, a reading would see the change or two before it and after it, and more only where
        // the reader is put aside on its way to the lock: not thirty times.
        var readingsWithMany = 0
        for _ in 0..<400 where readingsWithMany < 30 {
            changes.withLockedValue { $0 = 0 }
            isReading.withLockedValue { $0 = true }
            _ = telemetry.text
            isReading.withLockedValue { $0 = false }
            if changes.withLockedValue({ $0 }) >= 50 { readingsWithMany += 1 }
        }
        isOver.withLockedValue { $0 = true }
        counter()
        #expect(readingsWithMany == 30)
    }

    @Test("a change costs the same for any number of label sets, and label sets beyond the limit are dropped")
    func changeCostIgnoresLabelSets() {
        func microseconds(_ telemetry: Telemetry) -> Int {
            func now() -> Int { Int(ProcessorTime.ofThread) }  // What other processes do does not count.
            return (0..<5).map { _ in
                let start = now()
                for _ in 0..<1_000 { telemetry.count("size_total", Self.help, labels: "number=\"7\"") }
                return now() - start
            }.min()!
        }
        let (few, many) = (Telemetry(), self.full("size_total"))
        few.count("size_total", Self.help, labels: "number=\"7\"")
        // A copy of ten thousand values would be hundreds of times as much.
        #expect(microseconds(many) < 20 * max(microseconds(few), 50))
        many.count("size_total", Self.help, labels: "number=\"one more\"")
        #expect(!many.text.contains("one more"))
    }
}

@Suite("The load that a process publishes") struct PublishedLoadTests {
    @Test("a load has the same four series in a gate and a unit, and its use of processors is a share")
    func loadIsPublished() {
        let telemetry = Telemetry()
        telemetry.setLoad(share: 950, waiting: 21, processor: 1_030, shed: 7)
        for line in [
            "tranche_admitted_share 0.95", "tranche_waiting_seconds 0.021", "tranche_processor_use 1.0",
            "tranche_shed_total 7.0",
        ] { #expect(telemetry.text.split(separator: "\n").contains(Substring(line)), "\(line)") }
        telemetry.setLoad(share: 1_000, waiting: 0, processor: -3, shed: 7)
        #expect(telemetry.text.contains("tranche_processor_use 0.0\n"))
    }

    @Test("processor time grows with work, and a thread's is a part of its process's") func processorTimeGrows() {
        let before = (process: ProcessorTime.ofProcess, thread: ProcessorTime.ofThread)
        var sum = 0
        while ProcessorTime.ofThread < before.thread + 5_000 { sum &+= 1 }
        #expect(sum > 0)
        #expect(ProcessorTime.ofProcess - before.process >= 5_000)
    }
}
