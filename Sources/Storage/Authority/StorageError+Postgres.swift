import PostgresClient

extension StorageError {
    /// Maps an error of PostgreSQL.
    init(_ error: PostgresError, path: String) {
        switch error {
        case .inDoubt(_, let detail): self = .inDoubt(path: path, detail: detail)
        case .unreachable, .unsafe, .unreadable: self = .io(path: path, detail: "\(error)")
        case .refused(_, AuthoritySchema.conditionState, let detail): self = .conditional(path: path, detail: detail)
        case .refused(_, "53100", _): self = .diskFull(path: path)
        case .refused(_, "55P03", _): self = .inUse(path: path)
        case .refused(_, let state, let detail) where state.hasPrefix("23"):
            self = .constraint(path: path, detail: detail)
        case .refused(_, let state, let detail): self = .io(path: path, detail: "\(detail) (\(state))")
        }
    }
}
