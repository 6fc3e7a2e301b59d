import CTimex

/// Processor time that was used so far, in microseconds, user and system time together.
package enum ProcessorTime {
    /// Of the thread that asks.
    package static var ofThread: Int64 { ctimex_used_by_thread() }

    /// Of all threads of this process. What other processes of the machine use says nothing about this one.
    package static var ofProcess: Int64 { ctimex_used_by_process() }
}
