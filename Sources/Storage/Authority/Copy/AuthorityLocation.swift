import Foundation
package import PostgresClient
import TrancheCore

/// Where centers keep their state: in a file of one center, or in PostgreSQL.
package enum AuthorityLocation: Hashable, Sendable, CustomStringConvertible {
    case file(String)
    case postgres(PostgresTarget)

    /// The environment variable with the password for PostgreSQL; without it libpq's own sources count (`PGPASSFILE`).
    package static let passwordVariable = "TRANCHE_AUTHORITY_PASSWORD"

    package var description: String {
        switch self {
        case .file(let path): path
        case .postgres(let target): "\(target)"
        }
    }

    /// - Parameter text: The path of a file, or a connection string.
    package init(_ text: String) throws(StorageError) {
        guard PostgresTarget.isOne(text) else {
            self = .file(text)
            return
        }
        let password = ProcessInfo.processInfo.environment[Self.passwordVariable].flatMap { $0.isEmpty ? nil : $0 }
        do { self = .postgres(try PostgresTarget(text, password: password)) } catch {
            throw StorageError(error, path: "the connection string")
        }
    }
}

extension Epoch {
    /// Above that of every center: no center writes to a location whose log was moved elsewhere, of whichever version
    /// of the program it is. The highest number that both databases can hold.
    static let moved = Epoch(UInt64(Int64.max))
    /// What centers are told.
    static let movedDetail =
        "its log was moved to another location by `tranche center copy`: set authority.postgres to that one, or "
        + "remove it for a file"
}
