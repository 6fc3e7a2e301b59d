import Foundation
import GRDB

/// Moves what the write-ahead log holds into the ledger's file, on a thread and a connection of its own: a checkpoint in
/// the way of a commit made one order in fifty wait for 20 ms.
///
/// The log begins anew only when a writer finds all of it moved, which under load happens at the writer's own
/// checkpoint. That one then has little left to do.
package final class LedgerCheckpoints: @unchecked Sendable {  // The flag has a lock; the connection, one thread.
    static let pauseSeconds = 0.1

    private let lock = NSLock()
    private var isStopped = false

    package init(of path: String) throws(StorageError) {
        let queue: DatabaseQueue
        do {
            var configuration = Configuration()
            configuration.busyMode = .immediateError
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch { throw StorageError(error, path: path) }
        let thread = Thread { [self] in
            while !self.lock.withLock({ self.isStopped }) {
                // Busy is no harm: the next one comes soon. Whatever is wrong with the disk, commits will say.
                _ = try? queue.writeWithoutTransaction { try $0.checkpoint(.passive) }
                Thread.sleep(forTimeInterval: Self.pauseSeconds)
            }
        }
        thread.name = "checkpoints"
        thread.start()
    }

    package func stop() { self.lock.withLock { self.isStopped = true } }
}
