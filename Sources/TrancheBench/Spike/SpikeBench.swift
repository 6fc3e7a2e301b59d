import ArgumentParser
import Clusters
import Foundation
import LoadGenerator
import Terminal

struct SpikeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spike",
        abstract: "Measure what one unit does with a crowd that comes at once.",
        discussion: """
            Each profile has a newly started unit and buyers of its own, each of whom asks once. Requests are sent when
            they are due, without waiting for the answers to others; latencies count from that time. More requests than
            connections are never under way: the others wait in the generator. Every 201 is looked up in the ledger.

            A trace is a text file. Its first line is "counts MILLISECONDS" (then one line for each interval of this
            length, with the number of its requests) or "times" (then one line for each request, with its time in
            microseconds, never descending). Lines that begin with # are skipped.
            """)

    enum Profile: String, CaseIterable, ExpressibleByArgument {
        case firstSecond = "first-second"
        case jump10 = "jump-10"
        case jump100 = "jump-100"
        case million
        case trace
    }

    @Option(
        help: "One profile: first-second, jump-10, jump-100, million, or trace with a FILE; all but trace if not given."
    )
    var profile: Profile?
    @Argument(help: "The file of a recorded trace.") var file: String?
    @Option(help: "Items of the lot: 20,000 if not given, and 4,000 with --quick.") var stock: Int?
    @Option(help: "Requests that can be under way at a time.") var connections = 8_000
    @Flag(help: "Leave the unit its own limits of connections, of which one address may have a fifth.")
    var ownLimits = false
    @Option(help: "The seed of the moments of arrival.") var seed: UInt64 = 1
    @Flag(help: "Smaller crowds: about half a minute.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    /// Each connection needs a descriptor here and one in the unit; most systems allow a process 20,000 or more.
    static let connectionsLimit = 18_000

    static let stockLimit = 100_000_000

    func validate() throws {
        if let stock, !(1...Self.stockLimit).contains(stock) {
            throw ValidationError("--stock \(stock) is not in 1...\(Self.stockLimit)")
        }
        guard (1...Self.connectionsLimit).contains(self.connections) else {
            throw ValidationError("--connections \(self.connections) is not in 1...\(Self.connectionsLimit)")
        }
        guard (self.profile == .trace) == (self.file != nil) else {
            throw ValidationError("a FILE belongs to --profile trace, and that profile needs one")
        }
    }

    func run() async throws {
        let profiles =
            try self.profile.map { [try self.arrivals($0)] }
            ?? Profile.allCases.filter { $0 != .trace }.map(self.arrivals)
        let stock = self.stock ?? (self.quick ? 4_000 : 20_000)
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        var runs: [SpikeRun] = []
        do {
            for profile in profiles {
                runs.append(
                    try await Stopping.$interrupt.withValue(interrupt) {
                        try await SpikeRun.run(
                            profile, stock: stock, connections: self.connections, ownLimits: self.ownLimits, steps)
                    })
            }
        } catch let unsound as PurchaseRun.Unsound {
            unsound.report.print()
            throw ExitCode(2)
        }
        if self.json { Output.json(runs) } else { SpikeTable.print(runs) }
    }

    private func arrivals(_ profile: Profile) throws -> ArrivalProfile {
        let (base, seconds) = self.quick ? (500.0, 1.0) : (1_000.0, 2.0)
        switch profile {
        case .firstSecond: return .firstSecond(requests: self.quick ? 10_000 : 50_000, seed: self.seed)
        case .jump10: return .jump(10, base: base, seconds: seconds, seed: self.seed)
        case .jump100: return .jump(100, base: base, seconds: seconds, seed: self.seed)
        case .million: return .million(requests: self.quick ? 100_000 : 1_000_000, seed: self.seed)
        case .trace:
            guard let file, let bytes = FileManager.default.contents(atPath: file) else {
                throw CommandError("\(self.file ?? "") cannot be read")
            }
            do throws(TraceError) {
                let trace = try ArrivalProfile.trace(String(decoding: bytes, as: UTF8.self), seed: self.seed)
                if !trace.due.isEmpty { return trace }
            } catch { throw CommandError("\(file): \(error)") }
            throw CommandError("\(file): all counts are 0; expected at least one request")
        }
    }
}
