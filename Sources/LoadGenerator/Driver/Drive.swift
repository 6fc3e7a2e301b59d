import DaemonSupport
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
        /// Each request at its own time, independent of the answers; latencies count as in `open`. A broken
        /// connection is replaced, as a buyer would do.
        case arrivals(ArrivalProfile)
        /// Up to a rate that nobody may be able to send. A request that cannot leave within some milliseconds of its time
        /// never leaves, so the rate that was offered is what was sent, and latencies have no wait in the generator.
        case storm(perSecond: Double)
    }
    package var host = "127.0.0.1"
    package let port: Int
    /// Requests that can be under way at a time. Further ones that are due wait in the generator, and their wait
    /// counts.
    package let connections: Int
    /// When the run ends, in seconds from its start.
    package let seconds: Double
    package var pace = Pace.closed
    /// Whether the tape starts again at its end; otherwise the run ends there.
    package var repeats = false
    /// The request with a number beyond the tape. It takes the place of one that was answered 201, because that buyer has
    /// what it wants; all others ask again when the tape starts again. So buyers never run out.
    package var renewal: (@Sendable (Int) -> String)?
    /// Requests that one connection sends in one piece (HTTP pipelining), and whose answers it awaits before the next piece.
    /// With more than one, a request costs a part of a system call only, so that a generator can ask more than a server can
    /// answer. Not in a closed loop.
    package var batch = 1
    /// The processor that the generator keeps to; any if not given.
    package var processor: Int?
    /// Whether the result has the time of each answer.
    package var keepsTimes = false

    package init(port: Int, connections: Int, seconds: Double) {
        self.port = port
        self.connections = connections
        self.seconds = seconds
    }

    /// When one answer came.
    package struct AnswerTime: Sendable {
        /// From the start of the run.
        package let seconds: Double
        package let latencyMilliseconds: Double
        package let status: Int
    }

    /// The result of a run.
    package struct Result: Sendable {
        package let seconds: Double
        /// Answers by HTTP status.
        package let statuses: [Int: Int]
        /// Answers by status and problem code, as in `410 sold_out`; without a code, by status alone.
        package let codes: [String: Int]
        /// Numbers of the requests that were answered 201, in the order of the answers: from 0 as on the tape, and from the
        /// tape's end on as the renewal made them.
        package let created: [Int]
        /// Requests without an answer, because the connection broke or the run ended.
        package let unanswered: Int
        /// Requests that left the generator.
        package let sent: Int
        /// Of them, requests that left before the end of the profile of arrivals; 0 with another pace.
        package let sentInTime: Int
        /// Connections that broke or were closed while a request waited on them.
        package let broken: Int
        /// Connections that the server refused before the run began, or closed without a request.
        package let refused: Int
        /// Bytes of all answers.
        package let received: Int
        /// Seconds from the start until the last 201, and until the last answer of any kind; `nil` without any.
        package let lastCreatedSeconds: Double?
        package let lastAnswerSeconds: Double?
        package let p50Milliseconds: Double
        package let p99Milliseconds: Double
        package let p999Milliseconds: Double
        /// The same for answers 201 alone.
        package let createdP50Milliseconds: Double
        package let createdP99Milliseconds: Double
        /// In the order of the answers; empty unless they were asked for.
        package let times: [AnswerTime]
        /// CPU time of the generator itself, in seconds.
        package let generatorSeconds: Double

        package var answers: Int { self.statuses.values.reduce(0, +) }
        package var perSecond: Double { Double(self.answers) / self.seconds }
        package func perSecond(_ status: Int) -> Double { Double(self.statuses[status] ?? 0) / self.seconds }
    }

    /// Runs on a new thread, and returns at its end.
    package func run(_ tape: RequestTape) async throws -> Result {
        precondition(self.batch >= 1 && (self.batch == 1 || self.pace != .closed), "\(self.batch) in a piece")
        return try await OwnedThread.run("generator") {
            if let processor { try Processors.keepThread(to: processor) }
            return try DriverThread(self, tape).run()
        }
    }
}
