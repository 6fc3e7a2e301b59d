import Foundation
import GRDB
import PostgresClient
import TrancheCore

/// The file of a center, as one end of a copy. No center can have it meanwhile: this has the lock of its folder.
final class AuthorityFileEnd: AuthorityCopyEnd {
    let path: String
    private let folder: String
    /// Held until the copy is over.
    private let lock: FolderLock
    private var opened: DatabaseQueue?

    init(path: String) throws(StorageError) {
        self.path = path
        let folder = (path as NSString).deletingLastPathComponent
        self.folder = folder.isEmpty ? "." : folder
        self.lock = try FolderLock(folder: self.folder)
    }

    func isEmpty() throws -> Bool { !FileManager.default.fileExists(atPath: self.path) }

    func checkIdle() throws {}

    func read<Value>(_ body: () throws -> Value) throws -> Value { try body() }

    /// A file of an earlier version gets the tables that it lacks.
    private func queue() throws -> DatabaseQueue {
        if let opened { return opened }
        let queue = try DurableDatabase.open(self.path, migrator: AuthorityStore.migrator)
        guard try queue.read({ try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }) == "ok" else {
            throw StorageError.corrupt(path: self.path, detail: "its pages do not fit together")
        }
        self.opened = queue
        return queue
    }

    func epoch() throws -> Epoch {
        Epoch(UInt64(bitPattern: try self.queue().read { try Int64.fetchOne($0, sql: "SELECT epoch FROM owner") } ?? 0))
    }

    func keptEnd() throws -> LogEnd? { nil }

    func trailHead() throws -> AuditHead { try self.queue().read { try AuthorityStore.trailHead($0) } }

    func forEachRow(of table: AuthorityTable, _ body: ([PostgresValue]) throws -> Void) throws {
        let key = table.key.map(\.name).joined(separator: ", ")
        try self.queue().read { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT \(table.columnNames) FROM \(table.rawValue) ORDER BY \(key)")
            while let row = try rows.next() {
                try body(
                    try table.columns.enumerated().map { index, column in
                        guard let value = column.value(row[index] as DatabaseValue) else {
                            throw StorageError.corrupt(
                                path: self.path, detail: "\(column.name) in \(table.rawValue) is of another kind")
                        }
                        return value
                    })
            }
        }
    }

    /// The file gets its name when it is whole.
    func fill(_ contents: AuthorityCopy.Contents, from source: any AuthorityCopyEnd) throws {
        let temporary = self.path + ".new"
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: temporary + suffix) }
        let queue = try DurableDatabase.open(temporary, migrator: AuthorityStore.migrator)
        try queue.write { database in
            for table in AuthorityTable.allCases {
                let marks = table.columns.map { _ in "?" }.joined(separator: ", ")
                let insert = try database.makeStatement(
                    sql: "INSERT INTO \(table.rawValue) (\(table.columnNames)) VALUES (\(marks))")
                try source.forEachRow(of: table) { row in
                    try insert.execute(arguments: StatementArguments(row.prefix(table.columns.count).map(\.inFile)))
                }
            }
            try database.execute(sql: "UPDATE owner SET epoch = ?", arguments: [contents.epoch.signed])
            try database.execute(
                sql: "UPDATE trail_head SET position = ?, digest = ?",
                arguments: [contents.trailHead.position, contents.trailHead.digest.description])
        }
        // The last connection to a file takes the log into it.
        try queue.close()
        try DurableFile.sync(temporary)
        guard rename(temporary, self.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        try DurableFile.sync(self.folder)
    }

    func close() throws {
        try self.queue().write { try $0.execute(sql: "UPDATE owner SET epoch = ?", arguments: [Epoch.moved.signed]) }
    }
}

extension AuthorityTable.Column {
    fileprivate func value(_ stored: DatabaseValue) -> PostgresValue? {
        switch (self.kind, stored.storage) {
        case (.integer, .int64(let number)): .integer(number)
        case (.text, .string(let text)): .text(text)
        case (.bytes, .blob(let data)): .bytes([UInt8](data))
        default: nil
        }
    }
}

extension PostgresValue {
    fileprivate var inFile: (any DatabaseValueConvertible)? {
        switch self {
        case .null: nil
        case .integer(let number): number
        case .bytes(let bytes): Data(bytes)
        case .text(let text): text
        }
    }
}
