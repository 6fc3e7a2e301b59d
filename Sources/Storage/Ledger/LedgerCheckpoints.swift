import Foundation
import GRDB
import NIOConcurrencyHelpers
import Threads

/// Copies the write-ahead log into the ledger's file, with its own thread and connection. When the commits did the
/// checkpoints, one order in fifty waited for 20 ms.
///
/// SQLite starts the log again only when a writer finds that all of it was copied. Under load this happens at the
/// writer's own checkpoint, which then has little left to copy.
package final class LedgerCheckpoints: Sendable {
    static let pauseSeconds = 0.1

    private let isStopped = NIOLockedValueBox(false)

    package init(of path: String) throws(StorageError) {
        let queue: DatabaseQueue
        do {
            var configuration = Configuration()
            configuration.busyMode = .immediateError
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch { throw StorageError(error, path: path) }
        OwnedThread.start("checkpoints") { [isStopped] in
            while !isStopped.withLockedValue({ $0 }) {
                // A busy database is no problem: the next checkpoint follows soon. Commits report errors of the disk.
                _ = try? queue.writeWithoutTransaction { try $0.checkpoint(.passive) }
                Thread.sleep(forTimeInterval: Self.pauseSeconds)
            }
        }
    }

    package func stop() { self.isStopped.withLockedValue { $0 = true } }
}
