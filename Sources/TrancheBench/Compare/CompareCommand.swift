import ArgumentParser
import Foundation
import Terminal

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Measure the purchase path beside nginx + Lua + Redis, PostgreSQL and others, in one run.",
        discussion: """
            Contenders take turns, each started anew; medians count. The same generator, on the same machine, drives them
            all. Run it from the project's folder, on an otherwise idle machine: ops/bench/run installs the peers and does so.
            """)
    @Flag(help: "Fewer and shorter runs: about 3 minutes.") var quick = false
    @Option(help: "Only these parts, of: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: String?
    @Option(help: "Print and draw the results of an earlier run, from this file, and measure nothing.")
    var from: String?
    @Option(help: "Where the results go, as JSON.") var output = "bench-results"
    @Option(help: "Also draw the chart of the results into this file.") var chart: String?
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
            guard let data = FileManager.default.contents(atPath: from) else { throw CommandError("no file \(from)") }
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
