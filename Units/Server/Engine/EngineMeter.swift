import DaemonSupport
import Foundation
import TrancheCore

/// Measures how busy the unit is. Used by the engine's thread alone.
struct EngineMeter {
    private struct Reading {
        let at: Instant
        let thread: Int64
        let process: Int64
    }
    /// Processors that the unit can use: one for each lane, one for the engine, one for the rest, and no more than there
    /// are.
    private let processors: Int64
    private var answered = 0
    private var last: Reading?

    init(lanes: Int) { self.processors = Int64(max(1, min(ProcessInfo.processInfo.activeProcessorCount, lanes + 2))) }

    mutating func count(answers: Int) { self.answered += answers }

    /// - Parameters:
    ///   - waited: How long requests waited for their decision on the average, in microseconds.
    ///   - now: By a clock that never steps.
    mutating func take(waited: Int64, now: Instant) -> UnitLoad.Measurement {
        let reading = Reading(
            at: now, thread: ProcessorTime.ofThread, process: ProcessorTime.ofProcess)
        defer { (self.last, self.answered) = (reading, 0) }
        var use: Int64 = 0
        if let last = self.last, reading.at > last.at {
            let passed = reading.at.microseconds - last.at.microseconds
            // The engine has one thread: when that one is busy all the time, idle processors do not help.
            use = max(
                (reading.thread - last.thread) * 1_000 / passed,
                (reading.process - last.process) * 1_000 / (passed * self.processors))
        }
        return UnitLoad.Measurement(
            waitedMicroseconds: waited, answered: self.answered, usePermille: Int(min(max(0, use), 1_000)))
    }
}
