/// An act that a second person approves, with everything that it does, and with what the first person saw.
///
/// What was seen is compared again when the act is carried out: an approval counts for that state, and for no later one.
package enum ProposedAct: Hashable, Sendable, Codable {
    /// - version: Of the configuration.
    case close(sale: String, version: Int)
    /// - version: Of the configuration.
    case settle(sale: String, version: Int)
    /// - issued: Items that the lot had in all.
    case addStock(LotID, add: Int, issued: Int)
    /// - seen: The account of the unit's generation.
    case settleQuota(LotID, UnitID, Generation, sold: Int, seen: AccountSeen)

    /// What a settlement depends on.
    package struct AccountSeen: Hashable, Sendable, Codable {
        package let outstanding: Int
        /// Whether it was settled before, so that this is a correction.
        package let isSettled: Bool

        package init(_ account: AuthorityBook.Account) {
            (self.outstanding, self.isSettled) = (account.outstanding, account.status == .settled)
        }
    }

    package var kind: ActKind {
        switch self {
        case .close: .close
        case .settle: .settle
        case .addStock: .addMuchStock
        case .settleQuota: .settleQuota
        }
    }

    /// In few words, for lists and for the audit trail.
    package var text: String {
        switch self {
        case .close(let sale, _): "close \(sale)"
        case .settle(let sale, _): "settle \(sale)"
        case .addStock(let lot, let add, _): "add \(add) to lot \(lot)"
        case .settleQuota(let lot, let unit, let generation, let sold, _):
            "settle lot \(lot) of unit \(unit), generation \(generation.rawValue): sold \(sold)"
        }
    }

    /// What the first person saw, in few words.
    package var seenText: String {
        switch self {
        case .close(_, let version), .settle(_, let version): "configuration version \(version)"
        case .addStock(_, _, let issued): "issued \(issued)"
        case .settleQuota(_, _, _, _, let seen):
            "\(seen.outstanding) outstanding, \(seen.isSettled ? "settled before" : "stranded")"
        }
    }

    /// The version of the configuration that the act was asked for; `nil` for an act on the authority log.
    package var version: Int? {
        switch self {
        case .close(_, let version), .settle(_, let version): version
        case .addStock, .settleQuota: nil
        }
    }

    /// Whether two acts would do the same, whatever was seen.
    package func doesSame(as other: ProposedAct) -> Bool { self.text == other.text }

    /// Whether the authority's book still has what was seen. An act on the configuration does not depend on it.
    package func isCurrent(in book: AuthorityBook) -> Bool {
        switch self {
        case .close, .settle: true
        case .addStock(let lot, _, let issued): book.lots[lot]?.issued == issued
        case .settleQuota(let lot, let unit, let generation, _, let seen):
            AccountSeen(book.account(lot, unit, generation)) == seen
        }
    }
}

extension ActKind {
    /// Whether a second person approves such acts where the center's setting asks for it. They end something, or make
    /// much stock, and nobody can take them back.
    package var isForTwo: Bool {
        switch self {
        case .close, .settle, .addMuchStock, .settleQuota: true
        case .read, .warm, .open, .pause, .resume, .block, .revoke, .moveQuota, .hold, .releaseEnd, .forceOpen: false
        case .addStock, .createSale, .editSale, .deleteSale, .rollBack, .secondRound, .freeze, .addUnit: false
        case .drain, .undrain, .strand, .removeUnit, .approve, .withdraw, .other, .differRules, .holdRollout: false
        }
    }
}

/// An act that waits for a second person.
package struct Proposal: Hashable, Sendable, Codable {
    /// The first one has 1. A number is given once.
    package let id: UInt64
    package let act: ProposedAct
    /// Who asked for it, as they proved it.
    package let by: String
    package let reason: String
    /// The idempotency key of the act: the approval carries it out under this key.
    package let key: String
    package let at: Instant
    /// From then on it cannot be approved.
    package let expiresAt: Instant

    package init(
        id: UInt64, act: ProposedAct, by: String, reason: String, key: String, at: Instant, expiresAt: Instant
    ) {
        (self.id, self.act, self.by, self.reason) = (id, act, by, reason)
        (self.key, self.at, self.expiresAt) = (key, at, expiresAt)
    }
}

/// How a proposal ended. One without an end is open until it expires; nothing is written then.
package struct ProposalEnd: Hashable, Sendable, Codable {
    package enum Outcome: String, Hashable, Sendable, Codable {
        /// The act was carried out, in the same transaction.
        case approved
        case withdrawn
        /// An approval found that what was seen had changed.
        case stale
    }

    package let outcome: Outcome
    /// Whoever approved or withdrew.
    package let by: String
    package let reason: String
    package let at: Instant

    package init(_ outcome: Outcome, by: String, reason: String, at: Instant) {
        (self.outcome, self.by, self.reason, self.at) = (outcome, by, reason, at)
    }
}
