/// Why a call of PostgreSQL failed. No message contains a password.
package enum PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no connection, and nothing was carried out by this call.
    case unreachable(target: String, detail: String)
    /// The connection broke, or the answer did not come in time, or the server says that no standby has confirmed: it is
    /// unknown whether what was sent is carried out and will last. The connection is closed.
    case inDoubt(target: String, detail: String)
    /// The server refused a statement, and its whole transaction is undone. The state is an SQLSTATE.
    case refused(target: String, state: String, detail: String)
    /// A setting of the server does not keep what was committed.
    case unsafe(target: String, setting: String, value: String, wanted: String)
    /// A connection string, or an answer, that cannot be read.
    case unreadable(String)

    package var description: String {
        switch self {
        case .unreachable(let target, let detail): "no PostgreSQL at \(target): \(detail)"
        case .inDoubt(let target, let detail): "no certain answer from PostgreSQL at \(target): \(detail)"
        case .refused(let target, let state, let detail): "PostgreSQL at \(target) refused: \(detail) (\(state))"
        case .unsafe(let target, let setting, let value, let wanted):
            "PostgreSQL at \(target) has \(setting) = \"\(value)\", but must have \(wanted)"
        case .unreadable(let detail): detail
        }
    }

    /// The SQLSTATE of a refusal.
    package var state: String? { if case .refused(_, let state, _) = self { state } else { nil } }
}
