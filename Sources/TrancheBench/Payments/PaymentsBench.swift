import ArgumentParser
import Foundation
import Terminal

struct PaymentsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payments",
        abstract:
            "A storm of payments with kill -9: money equal to the minor unit, and one refund for each that is due.",
        discussion: """
            One unit sells orders with a price. Their buyers pay at the sample provider: most of them exactly, others twice, in
            parts, too much, too little, in another currency, for an order that nobody has, or after the reservation. Each
            payment is told to the unit three times, in a drawn order, with forged callbacks between them, while unit and
            provider are killed. The unit asks the provider about orders that end, revives those whose money came late and
            whose items are still there, and gives everything else back. At last all processes stop, and the ledger is compared with the
            provider's book, payment by payment. Exit code 2 if anything differs.
            """)
    @Option(help: "Payments, about.") var events = 100_000
    @Option(help: "How often the unit, and each third time the provider, is killed.") var kills = 9
    @Option(help: "Callbacks at a time.") var workers = 64
    @Option(help: "Seed of the payments, their order and the kills.")
    var seed: UInt64 = UInt64(Date().timeIntervalSince1970)
    @Flag(help: "10,000 payments and 6 kills.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        for (name, value, limit) in [
            ("events", self.events, 100...1_000_000), ("kills", self.kills, 0...100),
            ("workers", self.workers, 1...512),
        ] where !limit.contains(value) {
            throw ValidationError("--\(name) \(value) is not in \(limit)")
        }
    }

    func run() async throws {
        let steps = Steps(isQuiet: self.json)
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let settings = PaymentStorm.Settings(
            events: self.quick ? 10_000 : self.events, kills: self.quick ? 6 : self.kills, workers: self.workers,
            seed: self.seed)
        steps.say("seed \(self.seed)")
        let report = try await Stopping.$interrupt.withValue(interrupt) { try await PaymentStorm.run(settings, steps) }
        if self.json { Output.json(report) } else { report.print() }
        if !report.isGood { throw ExitCode(2) }
    }
}
