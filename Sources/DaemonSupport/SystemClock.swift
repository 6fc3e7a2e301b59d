import Foundation
package import TrancheCore

/// The one place where processes read the clock.
package enum SystemClock {
    /// The wall clock, in microseconds.
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
