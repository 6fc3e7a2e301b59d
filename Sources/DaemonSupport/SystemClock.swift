import CTimex
import Foundation
import Synchronization
package import TrancheCore

/// The one place where processes read the clock.
package enum SystemClock {
    private static let offset = Atomic<Int64>(0)

    /// Added to the wall clock, in microseconds: for tests and rehearsals of clocks that are wrong.
    package static var offsetMicroseconds: Int64 {
        get { self.offset.load(ordering: .relaxed) }
        set { self.offset.store(newValue, ordering: .relaxed) }
    }

    /// The wall clock, in microseconds.
    package static func now() -> Instant {
        // A Double holds the microseconds of this century exactly enough: its step is a quarter of one.
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6) + self.offsetMicroseconds)
    }

    /// A clock that never steps. It begins some days after its origin, so that every pause has passed since
    /// ``Instant/distantPast``.
    package static func monotonic() -> Instant { Instant(microseconds: ctimex_monotonic() + self.origin) }
    private static let origin: Int64 = 1_000_000_000_000

    /// What the kernel says of the wall clock (`adjtimex`), or `nil` if it does not say.
    package static func kernel() -> ClockCheck.Kernel? {
        var microseconds = 0
        let result = ctimex_error(&microseconds)
        guard result >= 0 else { return nil }
        return ClockCheck.Kernel(isSynchronised: result == 0, errorMicroseconds: Int64(microseconds))
    }
}
