import GRDB
import PostgresClient

/// Why a file or a server could not be read or written. The call that threw changed nothing, unless it is in doubt.
package enum StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The disk, or the quota on it, is full.
    case diskFull(path: String)
    /// The file is damaged, or is not a database.
    case corrupt(path: String, detail: String)
    /// Another process uses the file or the folder.
    case inUse(path: String)
    /// The file belongs to another unit.
    case wrongOwner(path: String, expected: String, found: String)
    /// A newer process owns the file now: this process must stop.
    case superseded(path: String, current: UInt64)
    /// The file was deleted or replaced while it was in use: this process must stop.
    case vanished(path: String)
    /// A constraint of the database refused the batch: the caller's state was wrong.
    case constraint(path: String, detail: String)
    /// The database lacks what this process has made durable. Nothing is sold until the right one is back.
    case diverged(path: String, detail: String)
    /// A setting of the database loses what it has confirmed.
    case unsafe(path: String, detail: String)
    case io(path: String, detail: String)
    /// A server gave no certain answer: the write is carried out completely, or not at all, and a barrier finds out.
    case inDoubt(path: String, detail: String)
    /// The write's condition did not hold: another process has written meanwhile.
    case conditional(path: String, detail: String)

    package var description: String {
        switch self {
        case .diskFull(let path): "\(path): the disk is full; free some space, then start again"
        case .corrupt(let path, let detail): "\(path) is damaged (\(detail)); restore it from a backup"
        case .inUse(let path): "\(path) is in use by another process; stop that one first"
        case .wrongOwner(let path, let expected, let found): "\(path) belongs to \(found), not to \(expected)"
        case .superseded(let path, let current): "\(path) was taken over by a newer process (\(current))"
        case .vanished(let path): "\(path) was deleted or replaced while it was in use; put the right file back"
        case .constraint(let path, let detail): "\(path) refused a write: \(detail)"
        case .diverged(let path, let detail):
            "\(path) is not the ledger that this process has written: \(detail); bring the right one back"
        case .unsafe(let path, let detail): "\(path): \(detail)"
        case .io(let path, let detail), .conditional(let path, let detail): "\(path): \(detail)"
        case .inDoubt(let path, let detail): "\(path): it is not known whether a write was carried out (\(detail))"
        }
    }

    /// Maps an error of SQLite or PostgreSQL.
    package init(_ error: any Error, path: String) {
        if let known = error as? StorageError {
            self = known
            return
        }
        if let error = error as? PostgresError {
            self = Self(error, path: path)
            return
        }
        guard let error = error as? DatabaseError else {
            self = .io(path: path, detail: "\(error)")
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull(path: path)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path: path, detail: error.message ?? "unreadable")
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .inUse(path: path)
        case .SQLITE_CONSTRAINT: self = .constraint(path: path, detail: error.message ?? "constraint")
        default: self = .io(path: path, detail: error.message ?? "SQLite error \(error.resultCode.rawValue)")
        }
    }
}
