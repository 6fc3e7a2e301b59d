import Foundation
import Terminal

/// Prints the runs of a spike measurement.
enum SpikeTable {
    static func print(_ runs: [SpikeRun]) {
        Output.line()
        let header = [
            "profile", "due", "in s", "sent in time", "answered", "201", "p50 ms", "p99 ms", "p99.9 ms", "last sold s",
            "last answer s", "peak MB",
        ]
        for line in Output.table(header, runs.map(self.row)) { Output.line(line) }
        Output.line()
        for run in runs { Output.line("\(run.profile): \(self.words(run))") }
        Output.line("every 201 is in the ledger")
    }

    private static func row(_ run: SpikeRun) -> [String] {
        func seconds(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "" }
        let times = [run.p50Milliseconds, run.p99Milliseconds, run.p999Milliseconds]
        return [
            run.profile, Output.number(run.due), String(format: "%.1f", run.dueSeconds),
            Output.number(run.sentInTime), Output.number(run.answers.values.reduce(0, +)), Output.number(run.sold),
        ] + times.map { String(format: "%.2f", $0) } + [
            seconds(run.lastSoldSeconds), seconds(run.lastAnswerSeconds), String(format: "%.0f", run.peakMegabytes),
        ]
    }

    /// The answers by kind, and what the table leaves out.
    private static func words(_ run: SpikeRun) -> String {
        var parts = run.answers.sorted { $0.key < $1.key }.map { "\(Output.number($0.value)) answered \($0.key)" }
        if run.unanswered > 0 { parts.append("\(Output.number(run.unanswered)) without an answer") }
        let waiting = run.due - run.sent
        if waiting > 0 { parts.append("\(Output.number(waiting)) never sent") }
        if run.brokenConnections > 0 { parts.append("\(Output.number(run.brokenConnections)) connections broke") }
        if run.refusedConnections > 0 { parts.append("\(Output.number(run.refusedConnections)) connections refused") }
        parts.append(
            String(format: "CPU: unit and Redis %.2f s, generator %.2f s", run.cpuSeconds, run.generatorSeconds))
        return parts.joined(separator: ", ")
    }
}
