import ArgumentParser
import Foundation
import Terminal

struct ActsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acts",
        abstract: "Send operators' acts while the center is killed again and again: each counts once, with its line.",
        discussion: """
            A private config center with a sale that is open. Five operators add stock to two lots, block and unblock
            buyers, pause and resume the sale, revoke its tokens, and freeze a lot, each act under an idempotency key. The
            center is killed with SIGKILL at random moments and started again on its files. An act that got no answer
            is sent again with the same key until it gets one.

            Then the files of the center are read: its log, its versions of the configuration and its audit trail. Exit
            code 2 if the trail's chain is not whole, if an act has no effect or more than one, or if an effect has no line
            or more than one.
            """)
    @Option(help: "Acts, all kinds together.") var acts = 10_000
    @Option(help: "The longest time that a center lives, in milliseconds; each one gets a random part of it.")
    var lifeMilliseconds = 500
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        guard (10...1_000_000).contains(self.acts) else {
            throw ValidationError("--acts \(self.acts) is not in 10...1000000")
        }
        guard (50...60_000).contains(self.lifeMilliseconds) else {
            throw ValidationError("--life-milliseconds \(self.lifeMilliseconds) is not in 50...60000")
        }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        let run = try ActsRun(acts: self.acts, lifeMilliseconds: self.lifeMilliseconds, steps)
        defer { run.stop() }
        let result = try await run.run()
        if self.json { Output.json(result) } else { self.show(result) }
        if !result.findings.isEmpty { throw ExitCode(2) }
    }

    private func show(_ result: ActsRun.Result) {
        for finding in result.findings.prefix(20) { Output.line(Output.red(finding)) }
        Output.line(
            String(
                format: "%@ acts in %.1f s, %@ kills; %@ acts sent more than once, %@ of them without an answer before",
                Output.number(result.acts), result.seconds, Output.number(result.kills),
                Output.number(result.repeated), Output.number(result.unanswered)))
        Output.line(
            "\(Output.number(result.lines)) lines in the audit trail, \(Output.number(result.versions)) versions, "
                + "\(Output.number(result.records)) records of acts in the log")
        Output.line(
            result.findings.isEmpty
                ? Output.green("PASS: the chain is whole, every act counts once, and has its line")
                : Output.red("FAIL: \(result.findings.count) findings"))
    }
}
