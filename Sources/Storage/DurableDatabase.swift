package import GRDB

/// Opens SQLite with the settings that all files of this project use: write-ahead log, and an fsync with every commit.
package enum DurableDatabase {
    package static func open(_ path: String, migrator: DatabaseMigrator) throws(StorageError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(0.2)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            // A checkpoint delays commits, so checkpoints are rare and large: 32 MB.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 8000")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA cache_size = -8192")
            // Some systems let SQLite overwrite what it deletes: the deletion of a commit would cost as much as writing it.
            try database.execute(sql: "PRAGMA secure_delete = FAST")
        }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try migrator.migrate(queue)
            return queue
        } catch { throw StorageError(error, path: path) }
    }

    /// Opens a file of a stopped process, for reading only.
    package static func openToRead(_ path: String) throws(StorageError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        do { return try DatabaseQueue(path: path, configuration: configuration) } catch {
            throw StorageError(error, path: path)
        }
    }
}
