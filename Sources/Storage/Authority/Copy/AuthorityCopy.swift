import Foundation
import PostgresClient
package import TrancheCore

/// Moves the state of centers to another location: the authority log, and all that is kept beside it.
///
/// Centers that decide from two copies of one log would give the same stock twice, and the epochs of one location do
/// not fence the other. So the source is closed when the target has everything, and no center leads with it any more.
package enum AuthorityCopy {
    /// What a location has. A location with the same contents can take the place of another one.
    package struct Contents: Hashable, Sendable {
        /// The last one that the log has: the next center begins one above it.
        package let epoch: Epoch
        /// The digest is the one of a log in PostgreSQL. A file does not keep it; it follows from the records.
        package let end: LogEnd
        package var records: Int { self.rows(.records) }
        package var configs: Int { self.rows(.configs) }
        package var acts: Int { self.rows(.acts) }
        package var auditLines: Int { self.rows(.trail) }
        /// The end of the audit trail by what is kept beside it: lines that are missing at the end are missing in a copy, too.
        let trailHead: AuditHead
        private let tables: [AuthorityTable: TableSum]

        private func rows(_ table: AuthorityTable) -> Int { self.tables[table]?.rows ?? 0 }

        /// Reads all rows, and checks them.
        init(of place: any AuthorityCopyEnd) throws {
            let owner = try place.epoch()
            guard owner != .moved else { throw StorageError.io(path: place.path, detail: Epoch.movedDetail) }
            var log = LogCheck(path: place.path)
            var tables: [AuthorityTable: TableSum] = [:]
            for table in AuthorityTable.allCases {
                try place.forEachRow(of: table) { row in
                    if table == .records { try log.add(row) }
                    if table == .snapshots { try log.checkPosition(row[0]) }
                    tables[table, default: TableSum()].add(row.prefix(table.columns.count))
                }
            }
            self.epoch = try log.finish(under: owner)
            (self.end, self.tables, self.trailHead) = (log.end, tables, try place.trailHead())
            guard try place.keptEnd().map({ $0 == log.end }) ?? true else {
                throw StorageError.corrupt(
                    path: place.path, detail: "the authority log does not end at position \(log.end.position)")
            }
        }
    }

    /// Whether a file's log was moved elsewhere.
    package static func isMoved(_ path: String) -> Bool {
        guard let queue = try? DurableDatabase.openToRead(path) else { return false }
        return (try? AuthorityStore.isMoved(queue)) ?? false
    }

    /// Copies everything into an empty location: a file that does not exist, or a database without a log. Records keep
    /// their positions and their bytes. The target gets all of it in one transaction, or nothing.
    ///
    /// A repetition of a call that was broken off finds the same contents in the target, and closes the source only.
    ///
    /// - Parameter allowsUnreplicated: A PostgreSQL without a standby that confirms is enough, for trials on one
    ///   machine.
    /// - Throws: ``StorageError``; the source is as it was.
    package static func move(
        _ source: AuthorityLocation, to target: AuthorityLocation, allowsUnreplicated: Bool = false
    ) throws(StorageError) -> Contents {
        do {
            guard source != target else {
                throw StorageError.io(path: "\(target)", detail: "it is the location to copy from, too")
            }
            let from = try source.end(allowsUnreplicated: true)
            guard try !from.isEmpty() else { throw StorageError.io(path: from.path, detail: "it has no authority log") }
            try from.checkIdle()
            let to = try target.end(allowsUnreplicated: allowsUnreplicated)
            let isNew = try to.isEmpty()
            let contents = try from.read {
                let contents = try Contents(of: from)
                if isNew { try to.fill(contents, from: from) }
                return contents
            }
            func copied() throws -> Contents { try to.read { try Contents(of: to) } }
            // What is not empty may be anything.
            let found = isNew ? try copied() : try? copied()
            guard found == contents else {
                throw StorageError.io(
                    path: to.path,
                    detail: isNew
                        ? "the copy is not what was copied: drop it, and keep the source"
                        : "it has a log of its own, or a part of one: a log is copied to an empty location only")
            }
            try from.close()
            return contents
        } catch { throw StorageError(error, path: "\(target)") }
    }
}

/// One location of a copy, in whichever database.
protocol AuthorityCopyEnd: AnyObject {
    var path: String { get }
    /// Whether no center has written anything there.
    func isEmpty() throws -> Bool
    /// - Throws: ``StorageError/inUse(path:)`` if a center leads with it.
    func checkIdle() throws
    /// Calls `body`, which sees one moment of the database.
    func read<Value>(_ body: () throws -> Value) throws -> Value
    /// The epoch that may write.
    func epoch() throws -> Epoch
    /// The end of the log by what is kept beside it; `nil` if nothing is.
    func keptEnd() throws -> LogEnd?
    /// The end of the audit trail, which is kept beside its lines.
    func trailHead() throws -> AuditHead
    /// Calls `body` with the values of each row in the order of the key. What a database keeps beside them comes
    /// behind.
    func forEachRow(of table: AuthorityTable, _ body: ([PostgresValue]) throws -> Void) throws
    /// Writes everything, in one transaction.
    func fill(_ contents: AuthorityCopy.Contents, from source: any AuthorityCopyEnd) throws
    /// Lets no center write any more, unless one has begun to since the contents were read.
    func close() throws
}

extension AuthorityLocation {
    fileprivate func end(allowsUnreplicated: Bool) throws -> any AuthorityCopyEnd {
        switch self {
        case .file(let path): try AuthorityFileEnd(path: path)
        case .postgres(let target):
            try AuthorityPostgresEnd(target, allowsUnreplicated: allowsUnreplicated)
        }
    }
}

/// Checks the records of a log, one after the other.
private struct LogCheck {
    let path: String
    private(set) var end = LogEnd.empty
    private var book = AuthorityBook()
    private var epoch: Int64 = 0

    init(path: String) { self.path = path }

    mutating func add(_ row: [PostgresValue]) throws {
        guard case .integer(let position) = row[0], case .integer(let epoch) = row[1], case .bytes(let bytes) = row[2],
            position == self.end.position + 1, epoch >= self.epoch,
            let record = try? JSONDecoder().decode(AuthorityRecord.self, from: Data(bytes))
        else { throw self.wrong("record \(self.end.position + 1) of the authority log is not the right one") }
        let digest = bytes.withUnsafeBytes { HashChain.next(after: self.end.digest, $0) }
        guard row.count == 3 || row[3] == .text(digest.description) else {
            throw self.wrong("record \(position) of the authority log does not have its digest")
        }
        (self.end, self.epoch) = (LogEnd(position: position, digest: digest), epoch)
        self.book.apply(record)
    }

    /// A snapshot that is ahead of the log would be believed in its place.
    func checkPosition(_ value: PostgresValue) throws {
        guard case .integer(let position) = value, position <= self.end.position else {
            throw self.wrong("a snapshot is ahead of the authority log, which ends at \(self.end.position)")
        }
    }

    /// - Parameter owner: The epoch that may write.
    /// - Returns: The last epoch of the log. The owner's is higher if a center has taken the lead and written nothing.
    func finish(under owner: Epoch) throws -> Epoch {
        let epoch = max(Epoch(UInt64(bitPattern: self.epoch)), self.book.epoch)
        guard self.end.position > 0 else { throw self.wrong("it has no authority log") }
        guard epoch <= owner else {
            throw self.wrong("the authority log has epoch \(epoch.rawValue), and its owner \(owner.rawValue)")
        }
        if let lot = self.book.lots.keys.sorted().first(where: { !self.book.isConserved($0) }) {
            throw self.wrong("the stock of lot \(lot) does not add up in the authority log")
        }
        return epoch
    }

    private func wrong(_ detail: String) -> StorageError { .corrupt(path: self.path, detail: detail) }
}
