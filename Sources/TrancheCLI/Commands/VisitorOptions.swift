import ArgumentParser
import LoadGenerator

/// The kinds of visitors that come to gates beside people.
struct VisitorOptions: ParsableArguments {
    @Option(help: "At gates, of 100 visitors: people who ask for each token twice at once.") var doubleClickers: Int?
    @Option(help: "At gates, of 100 visitors: scripts.") var scripts: Int?
    @Option(help: "At gates, of 100 visitors: buyers whom the sale blocks; the command blocks them.") var blocked: Int?
    @Option(help: "At gates, of 100 visitors: forgers of sessions, tickets, answers and tokens.") var forgers: Int?
    @Option(help: "At gates, of 100 visitors: those who use what belongs to others, or has expired.")
    var replayers: Int?
    @Option(help: "Requests of one script.") var scriptRequests = 500

    func validate() throws {
        for (name, share) in [
            ("--double-clickers", self.doubleClickers), ("--scripts", self.scripts), ("--blocked", self.blocked),
            ("--forgers", self.forgers), ("--replayers", self.replayers),
        ] { try Checks.percent(name, share ?? 0) }
        let others = self.shares(VisitorShares()).others
        guard others <= 100 else {
            throw ValidationError("the kinds of visitors are \(others) of 100 together; at most 100 are possible")
        }
        try Checks.number("--script-requests", self.scriptRequests, in: 1...100_000)
    }

    /// - Parameter usual: The shares of kinds that are not given.
    func shares(_ usual: VisitorShares) -> VisitorShares {
        VisitorShares(
            doubleClickers: self.doubleClickers ?? usual.doubleClickers, scripts: self.scripts ?? usual.scripts,
            blocked: self.blocked ?? usual.blocked, forgers: self.forgers ?? usual.forgers,
            replayers: self.replayers ?? usual.replayers)
    }
}

extension VisitorShares {
    var text: String {
        "\(self.doubleClickers)% double clickers, \(self.scripts)% scripts, \(self.blocked)% blocked, "
            + "\(self.forgers)% forgers, \(self.replayers)% replayers"
    }
}
