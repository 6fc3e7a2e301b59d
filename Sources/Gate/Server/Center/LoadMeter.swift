import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import TrancheCore

/// Tells the machine how busy this gate is, so that it sheds the least valuable requests first.
struct LoadMeter {
    static let everyMilliseconds = 100
    let house: Gatehouse

    func run() async {
        var before = Self.processorMicroseconds()
        var measuredAt = SystemClock.monotonic()
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            let (used, now) = (Self.processorMicroseconds(), SystemClock.monotonic())
            let room = (now.microseconds - measuredAt.microseconds) * Int64(self.house.configuration.lanes + 1)
            let permille = room > 0 ? Int((used - before) * 1_000 / room) : 0
            (before, measuredAt) = (used, now)
            let longest = self.house.memory.takeLongest()
            self.house.machine.withLockedValue { machine in
                machine.observe(
                    waitingMilliseconds: longest, cpuPermille: permille, steady: now)
            }
        }
    }

    /// Processor time of this process so far. It is compared with one processor for each lane, and one for the rest: what
    /// other processes of the machine use says nothing about this gate.
    private static func processorMicroseconds() -> Int64 {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func microseconds(_ time: timeval) -> Int64 { Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_usec) }
        return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
    }
}
