import NIOConcurrencyHelpers
import Storage
import TrancheCore

/// The book as the log has it, read on while another center leads: a standby needs to read the last records only.
///
/// It applies nothing but what it has read from the store, so a center that stood down has nothing to take back.
final class LogFollower: @unchecked Sendable {  // All state is behind the lock.
    private let store: PostgresAuthority
    private let lock = NIOLock()
    private var book = AuthorityBook()
    private var end = LogEnd.empty
    private var isBegun = false

    init(store: PostgresAuthority) { self.store = store }

    /// Reads what the log has by now.
    func follow() throws(StorageError) {
        self.lock.lock()
        defer { self.lock.unlock() }
        do throws(StorageError) {
            if !self.isBegun {
                (self.book, self.end) = try self.store.snapshot() ?? (AuthorityBook(), .empty)
                self.isBegun = true
            }
            var book = self.book
            self.end = try self.store.follow(after: self.end) { book.apply($0) }
            self.book = book
        } catch {
            // The log may have been set back: then what is in memory is not its beginning.
            if case .corrupt = error { self.isBegun = false }
            throw error
        }
    }

    /// The book at the end of a log that this center has just begun to write.
    ///
    /// - Throws: ``StorageError/corrupt(path:detail:)`` if the log does not lead to its end.
    func book(at end: LogEnd) throws(StorageError) -> AuthorityBook {
        // In memory there may be more than the store has, or something else, if a server lost commits.
        for _ in 0..<2 {
            do throws(StorageError) { try self.follow() } catch {
                guard case .corrupt = error else { throw error }
                continue
            }
            let (book, reached) = self.lock.withLock { (self.book, self.end) }
            if reached == end { return book }
            self.lock.withLock { self.isBegun = false }
        }
        throw .corrupt(path: self.store.path, detail: "the records do not lead to the end of the authority log")
    }
}
