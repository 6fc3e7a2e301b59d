import Foundation
package import TrancheCore

/// The one place where processes read the clock.
package enum SystemClock {
    /// The wall clock, in microseconds.
    package static func now() -> Instant {
        // A Double holds the microseconds of this century exactly enough: its step is a quarter of one.
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }
}
