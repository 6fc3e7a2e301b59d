import DaemonSupport
import Foundation
import LoadGenerator

/// What a run asks for.
enum Workload: String, Codable, CaseIterable {
    /// A buy request that succeeds, each by another buyer.
    case orders
    /// A buy request for a lot that is sold out.
    case refusals
    /// How an order stands.
    case statuses
}

/// A server that can be measured: started anew for each run, so that none starts with another's leftovers.
protocol Contender: AnyObject, Sendable {
    var name: String { get }
    /// What is on disk when a buyer hears "yes".
    var durability: String { get }
    var settings: String { get }
    var port: Int { get }
    func start() async throws
    func stop() async
    /// The requests of a run; `orders` are made by different buyers in each call.
    func tape(_ workload: Workload, count: Int) async throws -> RequestTape
    /// Processes that do the work, with their children.
    var processes: [Int32] { get }
}

/// CPU time and memory of processes, from /proc.
enum ProcessFigures {
    /// User and system time of the processes and their children, in seconds.
    static func cpuSeconds(_ processes: [Int32]) -> Double {
        self.withChildren(processes).reduce(0) { sum, process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return sum }
            let fields = text[end...].split(separator: " ")
            // Fields 14 and 15 of proc(5), counted from the second one.
            guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return sum }
            return sum + (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    /// Memory that is in RAM, in bytes, as `VmRSS` has it.
    static func residentBytes(_ process: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    private static func withChildren(_ processes: [Int32]) -> [Int32] {
        processes.flatMap { process -> [Int32] in
            let text = (try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)) ?? ""
            return [process] + self.withChildren(text.split(separator: " ").compactMap { Int32($0) })
        }
    }
}

/// One run of one contender.
struct Sample: Codable {
    let perSecond: Double
    let p50Milliseconds: Double
    let p99Milliseconds: Double
    let p999Milliseconds: Double
    /// CPU time of the contender's processes for each answer, in microseconds.
    let cpuMicroseconds: Double
    /// Answers of another kind than the run asks for.
    let others: Int
}

/// Drives contenders and takes their figures.
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
