import CTimex
import Foundation
import Synchronization
package import TrancheCore

/// The only place where processes read the clock.
package enum SystemClock {
    private static let offset = Atomic<Int64>(0)

    /// An offset that is added to the wall clock, in microseconds: for tests and rehearsals with wrong clocks.
    package static var offsetMicroseconds: Int64 {
        get { self.offset.load(ordering: .relaxed) }
        set { self.offset.store(newValue, ordering: .relaxed) }
    }

    /// The wall clock, in microseconds.
    package static func now() -> Instant {
        // A Double is exact enough for the microseconds of this century: its resolution is a quarter of one.
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6) + self.offsetMicroseconds)
    }

    /// A clock that never steps. It starts some days after its origin, so that the time since ``Instant/distantPast``
    /// is longer than every pause.
    package static func monotonic() -> Instant { Instant(microseconds: ctimex_monotonic() + self.origin) }
    private static let origin: Int64 = 1_000_000_000_000

    /// The kernel's state of the wall clock (`adjtimex`); `nil` if the kernel does not report it.
    package static func kernel() -> ClockCheck.Kernel? {
        var microseconds = 0
        let result = ctimex_error(&microseconds)
        guard result >= 0 else { return nil }
        return ClockCheck.Kernel(isSynchronised: result == 0, errorMicroseconds: Int64(microseconds))
    }
}
