import ArgumentParser
import Clusters
import Foundation
import Storage
import Terminal
import TrancheAPI
import TrancheCore

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Print what operators did and were refused, and check that the record is whole.",
        discussion: """
            Reads the whole audit trail from the center, and computes the digest of every line itself. Exit code 2 if a
            line was changed, removed or moved. Keep the position and the digest of the last line elsewhere from time to
            time: with --head they show later whether the trail was written anew as a whole.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "Only lines about this sale.") var sale: String?
    @Option(help: "Only lines of this operator, also with what they add to their name.") var `operator`: String?
    @Option(help: "Only lines from this time on, as in 2026-11-27T08:00:00Z.") var since: String?
    @Option(help: "Only lines before this time.") var until: String?
    @Option(help: "At most so many lines, the last ones.") var last = 200
    @Option(help: "POSITION:DIGEST of an earlier run, which must be in the trail.") var head: String?

    func validate() throws {
        try Checks.number("--last", self.last, in: 1...100_000)
        _ = (try Self.time("--since", self.since), try Self.time("--until", self.until), try self.known())
    }

    func run() async throws {
        let client = try self.common.client()
        let (since, until) = (try Self.time("--since", self.since), try Self.time("--until", self.until))
        var (check, lines, position): (AuditCheck, [AuditLine], Int64) = (AuditCheck(), [], 0)
        let known = try self.known()
        var isKnown = known == nil
        while true {
            let page = try await client.call("GET", "/v1/audit/chain?after=\(position)", as: AuditPage.self)
            for line in page.lines {
                check.add(line)
                if let known, line.position == known.position { isKnown = line.digest.description == known.digest }
                if self.shows(line, since, until) { lines.append(line) }
            }
            if lines.count > 2 * self.last { lines.removeFirst(lines.count - self.last) }
            guard let last = page.lines.last, last.position > position else {
                check.end(page.head)
                break
            }
            position = last.position
        }
        var findings = check.findings.map(\.description)
        if let known, !isKnown { findings.append("line \(known.position) has not the digest \(known.digest)") }
        self.show(lines.suffix(self.last), check.last, findings)
        if !findings.isEmpty { throw ExitCode(2) }
    }

    private func shows(_ line: AuditLine, _ since: Instant?, _ until: Instant?) -> Bool {
        if let sale, line.sale != sale { return false }
        if let name = self.operator, !line.isBy(name) { return false }
        if let since, line.at < since { return false }
        if let until, line.at >= until { return false }
        return true
    }

    private func show(_ lines: some Collection<AuditLine>, _ head: AuditHead, _ findings: [String]) {
        if self.common.json { return Output.json(Report(lines: Array(lines), head: head, findings: findings)) }
        let format = ISO8601DateFormatter()
        for line in lines {
            let at = format.string(from: Date(timeIntervalSince1970: Double(line.at.milliseconds) / 1_000))
            let change = line.before.isEmpty && line.after.isEmpty ? "" : " (\(line.before) -> \(line.after))"
            let key = line.key.isEmpty ? "" : " [\(line.key)]"
            Output.line("\(line.position)  \(at)  \(line.actor)  \(line.action): \(line.detail)\(change)\(key)")
        }
        for finding in findings { Output.line(Output.red("The audit trail is not whole: \(finding).")) }
        if findings.isEmpty {
            Output.line("\(head.position) lines, and the chain is whole: --head \(head.position):\(head.digest)")
        }
    }

    private struct Report: Encodable {
        let lines: [AuditLine]
        let head: AuditHead
        let findings: [String]
    }

    private func known() throws -> (position: Int64, digest: String)? {
        guard let head else { return nil }
        let parts = head.split(separator: ":")
        guard parts.count == 2, let position = Int64(parts[0]), position > 0, Hex.pair(String(parts[1])) != nil else {
            throw ValidationError("--head \"\(head.prefix(60))\" is not POSITION:DIGEST, as this command prints it")
        }
        return (position, String(parts[1]))
    }

    private static func time(_ option: String, _ text: String?) throws -> Instant? {
        guard let text else { return nil }
        guard let date = ISO8601DateFormatter().date(from: text) else {
            throw ValidationError("\(option) \"\(text.prefix(40))\" is no time as in 2026-11-27T08:00:00Z")
        }
        return Instant(milliseconds: Int64(date.timeIntervalSince1970 * 1_000))
    }
}

extension AuditLine {
    /// Whether an operator did it: alone, with an addition to the name, or as one of the two people of an approved act.
    fileprivate func isBy(_ name: String) -> Bool {
        if self.actor == name || self.actor.hasPrefix("\(name) for ") { return true }
        let both = self.actor.components(separatedBy: " with ")
        // What somebody adds to a name can have blanks; a name has none.
        return both.count == 2 && both.allSatisfy(ProcessName.isName) && both.contains(name)
    }
}
