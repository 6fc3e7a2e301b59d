import ArgumentParser
import Foundation
import Terminal

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare the purchase path with nginx + Lua + Redis, PostgreSQL and others, in one run.",
        discussion: """
            Contenders run in turns, each newly started; the results are medians. The same generator on the same
            machine drives all of them. Start it with ops/bench/run, which installs the peers, on an otherwise idle
            machine.
            """)
    @Flag(help: "Fewer and shorter runs: about 3 minutes.") var quick = false
    @Option(help: "Measure only these parts: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: String?
    @Option(help: "Print and draw the results of an earlier run from this file; measure nothing.")
    var from: String?
    @Option(help: "The folder for the results, as JSON.") var output = "bench-results"
    @Option(help: "Also draw a chart of the results into this file.") var chart: String?
    @Flag(help: "Print JSON, for scripts.") var json = false

    enum Part: String, CaseIterable {
        case orders, refusals, postgres, redis, open, durability, scale, center, simulation
    }

    func validate() throws {
        for name in self.only?.split(separator: ",") ?? [] where Part(rawValue: String(name)) == nil {
            throw ValidationError(
                "\"\(name)\" is not one of: \(Part.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() async throws {
        if let from {
            guard let data = FileManager.default.contents(atPath: from) else {
                throw CommandError("\(from) cannot be read")
            }
            return try self.show(try JSONDecoder().decode(ComparisonReport.self, from: data))
        }
        let parts =
            self.only.map { $0.split(separator: ",").compactMap { Part(rawValue: String($0)) } } ?? Part.allCases
        let json = self.json
        let comparison = Comparison(isQuick: self.quick) { if !json { Output.line($0) } }
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let report = try await Stopping.$interrupt.withValue(interrupt) { try await comparison.run(Set(parts)) }
        try FileManager.default.createDirectory(atPath: self.output, withIntermediateDirectories: true)
        let path = "\(self.output)/compare.json"
        try report.save(path)
        try self.show(report)
        if !json { Output.line("\nall samples: \(path)") }
    }

    private func show(_ report: ComparisonReport) throws {
        if let chart { try Data(ComparisonChart.svg(report).utf8).write(to: URL(fileURLWithPath: chart)) }
        if self.json { Output.json(report) } else { report.print() }
    }
}
