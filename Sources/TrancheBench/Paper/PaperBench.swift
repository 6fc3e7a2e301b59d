import ArgumentParser
import Foundation
import Terminal
import TrancheCore

struct PaperBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paper",
        abstract: "Compute what a large installation would do, from costs that are measured here.",
        discussion: """
            Measures one of everything (a report at the center, a contest report at a coordinator, a commit, an order, a
            refusal, the bytes of each message), multiplies it by the rates that the rules prescribe, and says which
            part is full first. It assumes that every buyer comes once, at a constant rate, and that all of them want
            the contested lot.
            """)
    @Option(help: "Units.") var units = 100
    @Option(help: "Buyers, each with one request.") var buyers = 50_000_000
    @Option(help: "Seconds in which they come.") var within = 60.0
    @Option(help: "Items of all lots.") var stock = 1_000_000
    @Option(help: "Open lots.") var lots = 10
    @Option(help: "Items that are left when a lot becomes contested.") var contested = 10_000
    @Option(help: "Places of its waitlist.") var waitlist = 10_000
    @Option(help: "Seconds from a contested request to its decision at the unit (ops/bench/fairness measures it).")
    var decision = 0.2
    @Option(help: "Seconds of each measurement.") var seconds = 4.0
    @Flag(help: "Measurements of 1 s.") var quick = false
    @Flag(help: "Print JSON, for scripts.") var json = false

    func validate() throws {
        for (name, value, range) in [
            ("units", Double(self.units), 1...Double(Limits.units)), ("buyers", Double(self.buyers), 1...1e10),
            ("within", self.within, 0.1...1e6), ("stock", Double(self.stock), 1...Double(Limits.stockPerLot)),
            ("lots", Double(self.lots), 1...Double(Limits.lots)), ("decision", self.decision, 0.001...10),
            ("contested", Double(self.contested), 1...Double(Limits.stockPerLot)),
            ("waitlist", Double(self.waitlist), 0...Double(Limits.waitlist)), ("seconds", self.seconds, 0.5...60),
        ] where !range.contains(value) {
            throw ValidationError("--\(name) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
        }
    }

    func run() async throws {
        let interrupt = Interrupt()
        defer { interrupt.end() }
        let steps = Steps(isQuiet: self.json)
        let costs = try await Stopping.$interrupt.withValue(interrupt) {
            try await PaperCosts.measure(
                units: self.units, lots: self.lots, seconds: self.quick ? 1 : self.seconds, steps)
        }
        let paper = Paper(
            .init(
                units: self.units, buyers: self.buyers, seconds: self.within, stock: self.stock, lots: self.lots,
                contested: self.contested, waitlist: self.waitlist, decisionSeconds: self.decision), costs)
        if self.json { Output.json(paper) } else { PaperTable.print(paper) }
    }
}
