import NIOConcurrencyHelpers
import Storage
import TrancheCore

/// The book as the log has it, read on while another center leads: a standby needs to read the last records only.
///
/// It applies nothing but what it has read from the store, so a center that stood down has nothing to take back.
final class LogFollower: Sendable {
    private struct State {
        var book = AuthorityBook()
        var end = LogEnd.empty
        var isBegun = false
    }
    private let store: PostgresAuthority
    private let state = NIOLockedValueBox(State())

    init(store: PostgresAuthority) { self.store = store }

    /// Reads what the log has by now.
    func follow() throws(StorageError) {
        let result: Result<Void, StorageError> = self.state.withLockedValue { state in
            do throws(StorageError) {
                if !state.isBegun {
                    (state.book, state.end) = try self.store.snapshot() ?? (AuthorityBook(), .empty)
                    state.isBegun = true
                }
                var book = state.book
                state.end = try self.store.follow(after: state.end) { book.apply($0) }
                state.book = book
                return .success(())
            } catch {
                // The log may have been set back: then what is in memory is not its beginning.
                if case .corrupt = error { state.isBegun = false }
                return .failure(error)
            }
        }
        try result.get()
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
            let (book, reached) = self.state.withLockedValue { ($0.book, $0.end) }
            if reached == end { return book }
            self.state.withLockedValue { $0.isBegun = false }
        }
        throw .corrupt(path: self.store.path, detail: "the records do not lead to the end of the authority log")
    }
}
