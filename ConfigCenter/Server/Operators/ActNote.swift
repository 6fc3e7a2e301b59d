import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

/// What the audit trail is told of an operator's command, before it is known what it changes.
struct ActNote: Sendable {
    enum Subject: Sendable {
        case lot(LotID)
        case unit(UnitID)
        case sale(String)
    }

    let actor: String
    let action: String
    let sale: String
    let detail: String
    let key: String
    let subject: Subject

    /// What the command may change, in few words.
    func figures(_ authority: QuotaAuthority) -> String {
        switch self.subject {
        case .lot(let lot):
            guard let state = authority.book.lots[lot] else { return "" }
            return "issued \(state.issued), pool \(state.pool), stranded \(authority.book.stranded(lot))"
                + (state.isFrozen ? ", frozen" : "")
        case .unit(let unit):
            guard let known = authority.book.units[unit] else { return "" }
            return known.isDrained ? "drained" : "not drained"
        case .sale: return ""
        }
    }

    /// Nothing is said of figures that did not change.
    func note(before: String, after: String) -> AuditNote {
        let isSame = before == after
        return AuditNote(
            at: SystemClock.now(), actor: self.actor, action: self.action, sale: self.sale, detail: self.detail,
            before: isSame ? "" : before, after: isSame ? "" : after, key: self.key)
    }
}

extension SaleConfig {
    /// The sale that a command is about; `nil` if it is about none.
    func sale(of subject: ActNote.Subject) -> String? {
        switch subject {
        case .lot(let lot): self.sale(of: lot)?.id
        case .sale(let id): id
        case .unit: nil
        }
    }

    /// The one sale in which another configuration differs, and how; empty texts if there is none, or more than one.
    func saleChange(to next: SaleConfig) -> (sale: String, before: String, after: String) {
        let (old, new) = (self.salesByID, next.salesByID)
        let changed = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
        guard changed.count == 1, let id = changed.first else { return ("", "", "") }
        let (before, after) = (old[id]?.figures ?? "", new[id]?.figures ?? "")
        return before == after ? (id, "", "") : (id, before, after)
    }

    private var salesByID: [String: Sale] { Dictionary(self.sales.map { ($0.id, $0) }) { $1 } }
}

extension SaleConfig.Sale {
    fileprivate var figures: String {
        "\(self.state.rawValue), stock \(self.lots.reduce(0) { $0 + $1.issued }), revoked \(self.revocationEpoch?.rawValue ?? 0)"
            + ", blocked \(self.blocked?.count ?? 0)"
            + (self.staged.map { ", new rules in stage \($0.stage.rawValue)\($0.held == nil ? "" : " (held)")" } ?? "")
            + (self.variants.map { ", variants \($0.map(\.name).joined(separator: " "))" } ?? "")
    }
}
