import DaemonSupport
import NIOConcurrencyHelpers
import TrancheCore

/// Tells the machine how long requests wait, so that it sheds the least valuable ones first, and how much of the processors it
/// uses, so that it stops when a storm is over. Use alone sheds nothing: a gate that is busy, and keeps nobody waiting, does
/// all that is asked of it.
struct LoadMeter {
    static let everyMilliseconds = 100
    let house: Gatehouse

    func run() async {
        var before = ProcessorTime.ofProcess
        var measuredAt = SystemClock.monotonic()
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Self.everyMilliseconds))
            let (used, now) = (ProcessorTime.ofProcess, SystemClock.monotonic())
            // One processor for each lane, and one for the rest.
            let room = (now.microseconds - measuredAt.microseconds) * Int64(self.house.configuration.lanes + 1)
            let permille = room > 0 ? Int((used - before) * 1_000 / room) : 0
            (before, measuredAt) = (used, now)
            let waiting = self.house.redis.takeWaiting()
            let (share, shed) = self.house.machine.withLockedValue { machine in
                machine.observe(waitingMilliseconds: waiting, cpuPermille: permille, steady: now)
                return (machine.share.permille, machine.shed)
            }
            self.house.telemetry.setLoad(share: share, waiting: waiting, processor: permille, shed: shed)
        }
    }
}
