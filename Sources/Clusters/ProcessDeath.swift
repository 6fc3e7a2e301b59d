package import DaemonSupport

/// A process of a cluster that ended by itself.
package struct ProcessDeath: Sendable, CustomStringConvertible {
    package let part: LocalCluster.Part
    package let pid: Int32
    package let ending: ChildProcess.Ending
    /// The path of the backtrace; `nil` if none was written.
    package let backtrace: String?
    package let log: String

    /// Whether a signal ended the process, and not an exit.
    package var isCrash: Bool { if case .killed = self.ending { true } else { false } }

    package var description: String {
        "the \(self.part) (process \(self.pid)) \(self.ending)\(Backtraces.hint(self.backtrace, self.ending)); log: \(self.log)"
    }
}
