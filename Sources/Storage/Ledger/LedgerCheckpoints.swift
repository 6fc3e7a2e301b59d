import Foundation
import GRDB
import NIOConcurrencyHelpers
import Threads

/// Moves what the write-ahead log holds into the ledger's file, on a thread and a connection of its own: a checkpoint in
/// the way of a commit made one order in fifty wait for 20 ms.
///
/// The log begins anew only when a writer finds all of it moved, which under load happens at the writer's own
/// checkpoint. That one then has little left to do.
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
                // Busy is no harm: the next one comes soon. Whatever is wrong with the disk, commits will say.
                _ = try? queue.writeWithoutTransaction { try $0.checkpoint(.passive) }
                Thread.sleep(forTimeInterval: Self.pauseSeconds)
            }
        }
    }

    package func stop() { self.isStopped.withLockedValue { $0 = true } }
}
