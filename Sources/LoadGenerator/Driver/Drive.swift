import Foundation
import Histogram
import Threads

/// How one run drives a server.
package struct Drive: Sendable {
    package enum Pace: Sendable, Hashable {
        /// Each connection asks again as soon as it is answered: what the server can do at most.
        case closed
        /// So many requests a second, whatever the answers do: latencies count from the moment when a request was due,
        /// so that a slow server cannot hide what it made people wait (coordinated omission).
        case open(perSecond: Double)
    }
    package var host = "127.0.0.1"
    package let port: Int
    package let connections: Int
    package let seconds: Double
    package var pace = Pace.closed
    /// Whether the tape starts again at its end; otherwise the run ends there.
    package var repeats = false

    package init(port: Int, connections: Int, seconds: Double) {
        self.port = port
        self.connections = connections
        self.seconds = seconds
    }

    /// What came of a run.
    package struct Result: Sendable {
        package let seconds: Double
        /// Answers by HTTP status.
        package let statuses: [Int: Int]
        /// Places on the tape that were answered 201, in order of the answers.
        package let created: [Int]
        /// Requests that were sent and never answered: the connection broke, or the time was up.
        package let unanswered: Int
        package let p50Milliseconds: Double
        package let p99Milliseconds: Double
        package let p999Milliseconds: Double
        /// CPU time of the generator itself, in seconds.
        package let generatorSeconds: Double

        package var answers: Int { self.statuses.values.reduce(0, +) }
        package var perSecond: Double { Double(self.answers) / self.seconds }
        package func perSecond(_ status: Int) -> Double { Double(self.statuses[status] ?? 0) / self.seconds }
    }

    /// Runs on a thread of its own, and returns when it is done.
    package func run(_ tape: RequestTape) async throws -> Result {
        try await OwnedThread.run("generator") { try DriverThread(self, tape).run() }
    }
}
