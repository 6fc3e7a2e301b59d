import CSpawn
import Glibc

/// Processor time that was used so far, in microseconds, user and system time together.
package enum ProcessorTime {
    /// Of the thread that asks.
    package static var ofThread: Int64 { self.read(CLOCK_THREAD_CPUTIME_ID) }

    /// Of all threads of this process. What other processes of the machine use says nothing about this one.
    package static var ofProcess: Int64 { self.read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
