import DaemonSupport
import Foundation
import NIOConcurrencyHelpers
import TrancheCore

/// Tells the machine how long requests wait, so that it sheds the least valuable ones first, and how much of the processors it
/// uses, so that it stops when a storm is over. Use alone sheds nothing: a gate that is busy, and keeps nobody waiting, does
/// all that is asked of it.
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
            let waiting = self.house.redis.takeWaiting()
            let (share, shed) = self.house.machine.withLockedValue { machine in
                machine.observe(waitingMilliseconds: waiting, cpuPermille: permille, steady: now)
                return (machine.share.permille, machine.shed)
            }
            self.publish(share: share, waiting: waiting, cpu: permille, shed: shed)
        }
    }

    private func publish(share: Int, waiting: Int, cpu: Int, shed: Int) {
        let telemetry = self.house.telemetry
        telemetry.set(
            "tranche_admitted_share", "The part of the work that is admitted, from 0 to 1.", to: Double(share) / 1_000)
        telemetry.set(
            "tranche_waiting_milliseconds", "How long requests wait before work on them begins.", to: Double(waiting))
        telemetry.set(
            "tranche_processor_use", "The use of the processors that the process may use, from 0 to 1.",
            to: Double(min(cpu, 1_000)) / 1_000)
        telemetry.set("tranche_shed_total", "Requests that were refused for the load.", to: Double(shed))
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
