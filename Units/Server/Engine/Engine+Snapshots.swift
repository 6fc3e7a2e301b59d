import DaemonSupport
import Logging
import Storage
import TrancheCore

extension Engine {
    /// Writes the next piece of a snapshot of the book, if one is due. Called when no request waits: a piece is a commit of
    /// half a megabyte.
    ///
    /// A snapshot that cannot be written costs a later start some time, and nothing else.
    func keepSnapshot() {
        let book = self.machine.book
        do throws(StorageError) {
            _ = try self.parts.ledger.continueSnapshot(of: book, as: book.incarnation)
        } catch {
            self.parts.logger.warning("no snapshot of the ledger: \(error)")
            self.parts.telemetry.count("tranche_snapshot_failures_total", "Snapshots of the ledger that failed.")
        }
    }
}
