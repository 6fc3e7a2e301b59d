package import DaemonSupport

/// A process of a cluster that ended although nobody stopped it.
package struct ProcessDeath: Sendable, CustomStringConvertible {
    package let part: LocalCluster.Part
    package let pid: Int32
    package let ending: ChildProcess.Ending
    /// Where the backtrace is, if one was written.
    package let backtrace: String?
    package let log: String

    /// A crash, and not an end that the process chose itself.
    package var isCrash: Bool { if case .killed = self.ending { true } else { false } }

    package var description: String {
        "the \(self.part) (process \(self.pid)) \(self.ending)\(Backtraces.hint(self.backtrace, self.ending)); log: \(self.log)"
    }
}
