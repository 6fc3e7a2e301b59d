import PostgresClient
import Storage
import Terminal
import TrancheCore

/// Compares what writers were told with the ledger that is there.
enum LedgerCheck {
    /// Each commit that was confirmed must be in the journal, at its position and with its digest, which covers all before
    /// it.
    ///
    /// - Returns: How many are missing.
    static func missing(_ confirmed: [LedgerWriter.Confirmed], _ target: PostgresTarget) throws -> Int {
        guard let first = confirmed.map(\.head.position).min() else { return 0 }
        let connection = try PostgresConnection(target, application: "failovers")
        let rows = try connection.run(
            PostgresStatement(
                "SELECT position, digest FROM journal WHERE position >= $1", [.integer(Int64(first))]))
        var digests: [UInt64: [UInt8]] = [:]
        for row in 0..<rows.count { digests[UInt64(rows.integer(row, 0) ?? 0)] = rows.bytes(row, 1) }
        return confirmed.count { digests[$0.head.position] != self.bytes($0.head.digest) }
    }

    private static func bytes(_ digest: ChainDigest) -> [UInt8] {
        [digest.high, digest.low].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    /// Reads the whole ledger: its hash chain, who wrote what, and what was said of each order.
    ///
    /// - Returns: What is wrong, one line each.
    static func findings(_ writers: [LedgerWriter.State], _ location: LedgerLocation) throws -> [String] {
        let audit = try LedgerAudit(location)
        var (findings, incarnation) = ([String](), Incarnation(0))
        var orders: [OrderID: (head: LedgerHead, incarnation: Incarnation)] = [:]
        for commit in audit.commits {
            guard commit.isChained, let entries = commit.entries else {
                findings.append("the hash chain breaks at position \(commit.head.position)")
                continue
            }
            for entry in entries {
                switch entry {
                case .opened(let next):
                    if next <= incarnation { findings.append("incarnation \(next.rawValue) is behind a newer one") }
                    incarnation = next
                case .reserved(let order):
                    if orders.updateValue((commit.head, incarnation), forKey: order.id) != nil {
                        findings.append("order \(order.id) is there twice")
                    }
                default: break
                }
            }
        }
        for writer in writers {
            findings += writer.alarms
            for confirmed in writer.confirmed {
                let found = orders[confirmed.order]
                if found?.head != confirmed.head { findings.append("order \(confirmed.order) is lost") }
                if let found, found.incarnation != confirmed.incarnation {
                    findings.append("order \(confirmed.order) was written by another process")
                }
            }
            for (order, isThere) in writer.answers where (orders[order] != nil) != isThere {
                findings.append("order \(order): \(isThere) was said while it was in doubt, and it is not so")
            }
        }
        return findings
    }
}
