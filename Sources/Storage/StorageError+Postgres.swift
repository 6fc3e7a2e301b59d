import PostgresClient

extension StorageError {
    /// Maps an error of PostgreSQL. The states that begin with `TR` are of the tables' own functions.
    init(_ error: PostgresError, path: String) {
        switch error {
        case .unreachable(_, let detail): self = .io(path: path, detail: "there is no connection: \(detail)")
        case .inDoubt(_, let detail): self = .inDoubt(path: path, detail: detail)
        case .unsafe(_, let setting, let value, let wanted):
            self = .unsafe(path: path, detail: "\(setting) is \"\(value)\", but must be \(wanted)")
        case .unreadable(let detail): self = .io(path: path, detail: detail)
        case .refused(_, let state, let detail): self.init(state: state, detail, path: path)
        }
    }

    private init(state: String, _ detail: String, path: String) {
        switch state {
        case PostgresLedgerSchema.superseded:
            self = .superseded(path: path, current: UInt64(bitPattern: Int64(detail) ?? 0))
        case PostgresLedgerSchema.unreplicated: self = .unsafe(path: path, detail: detail)
        case PostgresLedgerSchema.notArchived: self = .constraint(path: path, detail: detail)
        case AuthoritySchema.conditionState: self = .conditional(path: path, detail: detail)
        case "53100": self = .diskFull(path: path)
        case "55P03", "40P01": self = .inUse(path: path)
        case _ where state.hasPrefix("23"): self = .constraint(path: path, detail: detail)
        case _ where state.hasPrefix("XX"): self = .corrupt(path: path, detail: detail)
        default: self = .io(path: path, detail: "\(detail) (\(state))")
        }
    }
}
