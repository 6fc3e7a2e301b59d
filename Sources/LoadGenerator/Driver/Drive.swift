import Foundation
import Histogram
import Threads

/// The settings of one run against a server.
package struct Drive: Sendable {
    package enum Pace: Sendable, Hashable {
        /// Each connection sends its next request after each answer: this measures the server's maximum.
        case closed
        /// A fixed number of requests a second, independent of the answers. Latencies count from the time when a
        /// request was due, so that a slow server cannot hide its queue (coordinated omission).
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

    /// The result of a run.
    package struct Result: Sendable {
        package let seconds: Double
        /// Answers by HTTP status.
        package let statuses: [Int: Int]
        /// Numbers of the requests on the tape that were answered 201, in the order of the answers.
        package let created: [Int]
        /// Requests without an answer, because the connection broke or the run ended.
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

    /// Runs on a new thread, and returns at its end.
    package func run(_ tape: RequestTape) async throws -> Result {
        try await OwnedThread.run("generator") { try DriverThread(self, tape).run() }
    }
}
