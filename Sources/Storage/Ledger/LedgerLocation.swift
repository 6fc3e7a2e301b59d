import Foundation
package import PostgresClient

/// Where a unit's ledger is: in a file of its data folder, or in PostgreSQL. In the latter case the folder has a
/// note, so that verification and operators find it.
package enum LedgerLocation: Hashable, Sendable, CustomStringConvertible {
    case file(String)
    case postgres(PostgresTarget)

    package static let fileName = "ledger.sqlite"
    /// The name of the note: the connection string, without a password.
    package static let noteName = "ledger.postgres"
    /// The environment variable with the password for PostgreSQL; without it libpq's own sources count (`PGPASSFILE`).
    package static let passwordVariable = "TRANCHE_LEDGER_PASSWORD"

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

    /// The location of the ledger of a unit's data folder; `nil` if there is none yet.
    package static func inUse(in folder: String) throws(StorageError) -> LedgerLocation? {
        let (file, note) = (folder + "/" + self.fileName, folder + "/" + self.noteName)
        let hasFile = FileManager.default.fileExists(atPath: file)
        guard let bytes = FileManager.default.contents(atPath: note) else { return hasFile ? .file(file) : nil }
        guard !hasFile else {
            throw .corrupt(
                path: folder, detail: "it has \(self.fileName) and \(self.noteName): rename the one that is not in use")
        }
        return try LedgerLocation(
            String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Writes the note.
    package static func write(_ target: PostgresTarget, in folder: String) throws(StorageError) {
        let path = folder + "/" + self.noteName
        do {
            try Data((target.text + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        } catch { throw .io(path: path, detail: error.localizedDescription) }
    }
}
