import Storage
import TrancheCore

/// Reads the files of the center, and compares what is there with what was asked for.
enum ActsCheck {
    /// - Returns: The figures of the files, and what is wrong, one line each.
    static func result(of acts: [Act], folder: String) throws -> ActsRun.Result {
        let store = try AuthorityStore(reading: folder + "/authority.sqlite")
        let trail = try self.trail(store)
        var (result, findings) = (ActsRun.Result(), trail.findings)
        findings += self.lines(of: acts, trail.lines)
        let versions = try store.configVersions(limit: Int(Int32.max))
        findings += self.versions(of: acts, versions, trail.lines)
        let records = try store.log()
        findings += self.records(of: acts, records, trail.lines, count: &result.records)
        (result.lines, result.versions, result.findings) = (trail.lines.count, versions.count, findings)
        return result
    }

    private static func trail(_ store: AuthorityStore) throws -> (lines: [AuditLine], findings: [String]) {
        var (check, lines): (AuditCheck, [AuditLine]) = (AuditCheck(), [])
        while true {
            let page = try store.auditPage(after: check.last.position)
            for line in page.lines { check.add(line) }
            lines += page.lines
            if page.lines.isEmpty {
                check.end(page.head)
                return (lines, check.findings.map { "the audit trail is not whole: \($0)" })
            }
        }
    }

    /// Every act has one line under its key.
    private static func lines(of acts: [Act], _ lines: [AuditLine]) -> [String] {
        let byKey = Dictionary(grouping: lines.filter { !$0.key.isEmpty }, by: \.key)
        return acts.compactMap { act in
            let count = byKey[act.key]?.count ?? 0
            return count == 1 ? nil : "\(act.key) (\(act.kind)) has \(count) lines"
        }
    }

    /// Every act on the configuration has made one version, and every version has one line.
    private static func versions(
        of acts: [Act], _ versions: [AuthorityStore.ConfigVersion], _ lines: [AuditLine]
    ) -> [String] {
        var findings: [String] = []
        let asked = Dictionary(grouping: acts.compactMap(\.note)) { $0 }.mapValues(\.count)
        let made = Dictionary(grouping: versions.map(\.note)) { $0 }.mapValues(\.count)
        for (note, count) in asked where made[note] != count {
            findings.append("\"\(note)\" was asked for \(count) times, and made \(made[note] ?? 0) versions")
        }
        let told = Dictionary(grouping: lines.filter { $0.action == "config" }.map(\.detail)) { $0 }
            .mapValues(\.count)
        for version in versions {
            let count = told["version \(version.version): \(version.note)"] ?? 0
            if count != 1 { findings.append("version \(version.version) has \(count) lines") }
        }
        let numbers = versions.map(\.version).sorted()
        if numbers != Array(1...max(1, numbers.count)) { findings.append("the versions are not 1 to \(numbers.count)") }
        return findings
    }

    /// Every act on the log has left one record, and every record has one line.
    private static func records(
        of acts: [Act], _ records: [AuthorityRecord], _ lines: [AuditLine], count: inout Int
    ) -> [String] {
        var findings: [String] = []
        var added: [LotID: [Int: Int]] = [:]
        var (freezes, isFirst, book) = (0, Set(Act.lots), AuthorityBook())
        for record in records {
            book.apply(record)
            switch record {
            // The first one of each lot is the warming up.
            case .issued(let lot, let quantity):
                if isFirst.remove(lot) == nil { added[lot, default: [:]][quantity, default: 0] += 1 }
            case .frozen: freezes += 1
            default: break
            }
        }
        var (stocks, sums, asked) = (0, [LotID: Int](), 0)
        for act in acts {
            switch act.kind {
            case .stock(let lot, let add):
                stocks += 1
                sums[lot, default: Act.stock] += add
                let times = added[lot]?[add] ?? 0
                if times != 1 { findings.append("\(act.key) added \(add) to lot \(lot) \(times) times") }
            case .freeze, .thaw: asked += 1
            case .block, .unblock, .pause, .resume, .revoke: break
            }
        }
        for (lot, sum) in sums where book.lots[lot]?.issued != sum {
            findings.append("lot \(lot) has \(book.lots[lot]?.issued ?? 0) items, and should have \(sum)")
        }
        if freezes != asked { findings.append("a freeze began or ended \(freezes) times, and not \(asked) times") }
        for (action, wanted) in [("stock", stocks), ("freeze", asked)] {
            let told = lines.count { $0.action == action }
            if told != wanted { findings.append("\(told) lines tell of \(action), and \(wanted) should") }
        }
        count = stocks + freezes
        return findings
    }
}
