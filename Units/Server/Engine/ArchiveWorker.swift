import Logging
import NIOConcurrencyHelpers
import Storage
import Threads
import TrancheCore

/// The thread for the long work of archiving: writing the orders of a lot, and copying commits out of the journal.
/// Lots that are on sale do not wait for it.
final class ArchiveWorker: Sendable {
    enum Work: Sendable {
        case orders(LotID, of: OrderTable)
        case journal(before: UInt64)
    }

    private let mailbox = Mailbox<Work>()  // Bounded: the machine has one lot under way, and the engine one copy.
    private let archives: ArchiveLocation
    private let ledger: String
    private let intake: Intake
    private let logger: Logger
    private let isCopying = NIOLockedValueBox(false)
    private let copied = NIOLockedValueBox<LedgerHead?>(nil)

    /// - Parameters:
    ///   - archives: Where the orders of settled lots go.
    ///   - ledger: The ledger's file, if it is one.
    init(archives: ArchiveLocation, ledger: String, intake: Intake, logger: Logger) {
        (self.archives, self.ledger, self.intake, self.logger) = (archives, ledger, intake, logger)
        OwnedThread.start("archive") { self.run() }
    }

    func post(_ work: Work) { self.mailbox.post(work) }

    func stop() { self.mailbox.close() }

    /// Copies commits in the background, one copy at a time.
    func copyJournal(before position: UInt64) {
        let begins = self.isCopying.withLockedValue { isCopying in
            defer { isCopying = true }
            return !isCopying
        }
        if begins { self.post(.journal(before: position)) }
    }

    /// The end of the archived journal by the last copy, until ``moved()``.
    var copiedTo: LedgerHead? { self.copied.withLockedValue { $0 } }

    func moved() { self.copied.withLockedValue { $0 = nil } }

    private func run() {
        while true {
            let works = self.mailbox.takeAll()
            if works.isEmpty { return }
            for work in works { self.carryOut(work) }
        }
    }

    private func carryOut(_ work: Work) {
        do throws(StorageError) {
            switch work {
            case .orders(let lot, let orders):
                let archived = try self.archives.write(lot, of: orders)
                self.intake.post(.archiveEnded(archived))
            case .journal(let position):
                defer { self.isCopying.withLockedValue { $0 = false } }
                let end = try JournalArchive.copy(from: self.ledger, before: position)
                self.copied.withLockedValue { $0 = end }
            }
        } catch {
            self.logger.error("the archive took nothing: \(error)")
            if case .orders = work { self.intake.post(.archiveEnded(nil)) }
        }
    }
}
