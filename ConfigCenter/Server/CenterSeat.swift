import NIOConcurrencyHelpers
import TrancheAPI

/// Whether this process leads, and what it does then.
///
/// A center that led before and leads again is another value: nothing that it had not committed is remembered.
final class CenterSeat: Sendable {
    enum State: Sendable {
        /// Can transition to: `leading`, when this process has the lease and has read the log to its end.
        case standby(leader: String?)
        /// Can transition to: `standby`, when the lease or the log is lost, or the process stops.
        case leading(Center)
    }
    /// Why this process could neither lead nor follow; `nil` if it could.
    let trouble = NIOLockedValueBox<String?>(nil)
    private let state = NIOLockedValueBox(State.standby(leader: nil))

    /// The center, while this process leads.
    ///
    /// - Throws: ``Problem`` with code `not_leading` and the leader's address.
    var center: Center {
        get throws(Problem) {
            switch self.state.withLockedValue({ $0 }) {
            case .leading(let center): return center
            case .standby(let leader): throw .notLeading(leader: leader)
            }
        }
    }

    func lead(_ center: Center) { self.state.withLockedValue { $0 = .leading(center) } }

    /// - Returns: The center that led until now; `nil` if this process stood by.
    @discardableResult
    func standBy(leader: String?) -> Center? {
        self.state.withLockedValue { state in
            defer { state = .standby(leader: leader) }
            if case .leading(let center) = state { return center }
            return nil
        }
    }
}
