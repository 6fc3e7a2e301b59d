import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheAPI
import TrancheCore

struct ApprovalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approval", abstract: "Approve what another operator proposed, or take an own proposal back.",
        discussion: """
            With operators.approval: true in a center's configuration, four acts are for two people: sale close, sale
            settle, quota settle, and stock add beyond a tenth of what the sale began with. The first person's command
            (with --reason) becomes a proposal and changes nothing. Within 15 minutes another person, with a name of
            their own, approves it: the center carries it out once, if what the first person saw is still so. The secret
            of admins proposes and approves nothing, because it proves no person. docs/security.md has the rules.
            """,
        subcommands: [List.self, Approve.self, Withdraw.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the proposals that wait; --all: also those that have ended.")
        @OptionGroup var common: CommonOptions
        @Flag(help: "Also proposals that were approved, withdrawn or stale, or have expired.") var all = false
        func run() async throws {
            let known = try await self.common.client().call("GET", "/v1/proposals", as: [ProposalDocument].self)
            let shown = known.filter { self.all || $0.state == .open }
            if self.common.json { return Output.json(shown) }
            if shown.isEmpty { return Output.line("no proposal waits") }
            for proposal in shown { Output.line(proposal.line) }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Approve a proposal of another operator: the center carries its act out, once.",
            discussion: "A repetition after a lost answer is refused as proposal_ended: look with approval list --all.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The number of the proposal, as `approval list` shows it.") var proposal: UInt64
        func run() async throws {
            let ended = try await self.common.end(self.proposal, by: "approve")
            if self.common.json { return Output.json(ended) }
            Output.line("carried out: \(ended.line)")
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a proposal of your own back.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The number of the proposal.") var proposal: UInt64
        func run() async throws {
            let ended = try await self.common.end(self.proposal, by: "withdraw")
            if self.common.json { return Output.json(ended) }
            Output.line("withdrawn: \(ended.line)")
        }
    }
}

extension CommonOptions {
    fileprivate func end(_ proposal: UInt64, by act: String) async throws -> ProposalDocument {
        guard let reason, !reason.isEmpty else { throw ValidationError("say why, with --reason TEXT") }
        return try await self.client().call(
            "POST", "/v1/proposals/\(proposal)/\(act)", ReasonBody(reason: reason), as: ProposalDocument.self)
    }
}

extension ProposalDocument {
    fileprivate var line: String {
        let until = JSON.text(Instant(milliseconds: self.expiresAtMilliseconds))
        let end =
            switch self.state {
            case .open: "open until \(until)"
            case .expired: "expired at \(until)"
            case .approved, .withdrawn, .stale:
                "\(self.state.rawValue) by \(self.endedBy ?? ""): \(self.endReason ?? "")"
            }
        return "proposal \(self.id)  \(self.act) (\(self.seen))  by \(self.by): \(self.reason)  [\(end)]"
    }
}
