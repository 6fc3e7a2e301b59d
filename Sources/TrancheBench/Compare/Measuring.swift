import LoadGenerator
import Terminal

/// One run of one contender.
struct Sample: Codable {
    let perSecond: Double
    let p50Milliseconds: Double
    let p99Milliseconds: Double
    let p999Milliseconds: Double
    /// CPU time of the contender's processes for each answer, in microseconds.
    let cpuMicroseconds: Double
    /// Answers with another status than the workload expects.
    let others: Int
}

/// Drives contenders and measures them.
enum Measuring {
    static let warmUpSeconds = 0.5

    /// One run: start, warm up, drive, stop.
    static func sample(
        _ contender: any Contender, _ workload: Workload, connections: Int, seconds: Double, pace: Drive.Pace = .closed,
        requestsPerSecond: Int = 100_000
    ) async throws -> Sample {
        try await Stopping.run({ await contender.stop() }) {
            try await contender.start()
            return try await self.drive(
                contender, workload, connections: connections, seconds: seconds, pace: pace,
                requests: workload == .orders ? Int(seconds * Double(requestsPerSecond)) : 50_000)
        }
    }

    private static func drive(
        _ contender: any Contender, _ workload: Workload, connections: Int, seconds: Double, pace: Drive.Pace,
        requests: Int
    ) async throws -> Sample {
        var drive = Drive(port: contender.port, connections: connections, seconds: self.warmUpSeconds)
        drive.repeats = workload != .orders
        let warmUp = try await contender.tape(workload, count: Int(Double(requests) * self.warmUpSeconds / seconds))
        let tape = try await contender.tape(workload, count: requests)
        _ = try await drive.run(warmUp)
        drive = Drive(port: contender.port, connections: connections, seconds: seconds)
        drive.repeats = workload != .orders
        drive.pace = pace
        let before = ProcessFigures.cpuSeconds(contender.processes)
        let result = try await drive.run(tape)
        let cpu = ProcessFigures.cpuSeconds(contender.processes) - before
        let wanted = result.statuses[Self.status(workload)] ?? 0
        guard wanted > 0 else {
            throw CommandError(
                "\(contender.name) gave no answer of status \(Self.status(workload)): \(result.statuses)")
        }
        return Sample(
            perSecond: result.perSecond(Self.status(workload)), p50Milliseconds: result.p50Milliseconds,
            p99Milliseconds: result.p99Milliseconds, p999Milliseconds: result.p999Milliseconds,
            cpuMicroseconds: cpu / Double(wanted) * 1e6, others: result.answers - wanted)
    }

    private static func status(_ workload: Workload) -> Int {
        switch workload {
        case .orders: 201
        case .refusals: 410
        case .statuses: 200
        }
    }
}
