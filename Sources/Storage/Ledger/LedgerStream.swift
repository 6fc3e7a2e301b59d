package import TrancheCore

/// Reads a ledger entry by entry, for those who must not have all of it in memory at once.
package enum LedgerStream {
    /// What was read.
    package struct Result: Hashable, Sendable {
        package let unit: UnitID
        package let head: LedgerHead
        /// The accounts in the guarding table, to be compared with the entries.
        package let accounts: [LedgerAudit.Account]
    }

    /// Calls `body` for each entry with its position, and with the head of its commit. Archived commits are read, too.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the hash chain breaks, or an entry cannot be read.
    package static func read(
        _ location: LedgerLocation, _ body: (LedgerEntry, UInt64, LedgerHead) throws -> Void
    ) throws(StorageError) -> Result {
        do {
            let reader = try LedgerReader(location)
            return try reader.read {
                var last = LedgerHead.empty
                try reader.forEachRow { head, bytes in
                    let commit = LedgerReading.audited(bytes, from: last, to: head)
                    guard commit.isChained, let entries = commit.entries else {
                        throw StorageError.corrupt(
                            path: "\(location)", detail: "the hash chain breaks at position \(head.position)")
                    }
                    // Only a heartbeat has another number of entries than of positions, and none of them moves items.
                    let isHeartbeat = entries.allSatisfy(\.isHeartbeat)
                    var position = isHeartbeat ? head.position : head.position - UInt64(entries.count)
                    for entry in entries {
                        if !isHeartbeat { position += 1 }
                        try body(entry, position, head)
                    }
                    last = head
                }
                let identity = try reader.identity()
                return Result(
                    unit: UnitID(UInt16(truncatingIfNeeded: identity.unit)), head: last,
                    accounts: try reader.accounts())
            }
        } catch { throw StorageError(error, path: "\(location)") }
    }
}
