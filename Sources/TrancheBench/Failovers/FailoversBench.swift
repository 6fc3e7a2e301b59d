import ArgumentParser
import Foundation
import Terminal
import Threads

struct FailoversBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failovers",
        abstract: "Replace the primary of a ledger again and again, and look for every order that was confirmed.",
        discussion: """
            A private PostgreSQL with two standbys, of which one has to confirm, and a process that writes orders by the
            unit's own ledger. In each round a standby is promoted and the old primary killed with SIGKILL; in every
            second one it is killed only when the new primary is there. It comes back as a new standby. In every fifth
            round another process takes the ledger over while the old one rests, and that one has to end.

            Exit code 2 if an order is lost, the hash chain breaks, an answer about an order in doubt was wrong, or an
            older process has written.
            """)
    @Option(help: "Failovers.") var count = 50
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        guard (1...100_000).contains(self.count) else {
            throw ValidationError("--count \(self.count) is not in 1...100000")
        }
    }

    func run() async throws {
        let (count, steps) = (self.count, Steps(isQuiet: self.json))
        // The calls block, and are not for threads that serve tasks.
        let result = try await OwnedThread.run("failovers") { () throws -> FailoversRun.Result in
            let run = try FailoversRun(steps)
            defer { run.stop() }
            return try run.run(count)
        }
        if self.json { Output.json(result) } else { self.show(result) }
        if result.lost > 0 || !result.findings.isEmpty { throw ExitCode(2) }
    }

    private func show(_ result: FailoversRun.Result) {
        for finding in result.findings.prefix(20) { Output.line(Output.red(finding)) }
        let (waits, rounds) = (result.secondsUntilWriting.sorted(), result.roundSeconds)
        Output.line(
            String(
                format: "%d failovers, %.2f s each; writes again after %.2f s (p50), %.2f s (p99), %.2f s (worst)",
                result.rounds, rounds.reduce(0, +) / Double(max(1, rounds.count)), waits[waits.count / 2],
                waits[(waits.count * 99 - 1) / 100], waits[waits.count - 1]))
        Output.line(
            "\(Output.number(result.confirmed)) orders confirmed, \(result.lost) lost; of those in doubt "
                + "\(result.lasted) lasted and \(result.voided) did not; \(result.shutOut) older processes shut out")
        Output.line(
            result.lost == 0 && result.findings.isEmpty
                ? Output.green("every confirmed order is there, the chain holds, one writer")
                : Output.red("\(result.findings.count) findings"))
    }
}
