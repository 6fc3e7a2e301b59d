/// How far a visitor gets.
package enum VisitorStage: String, Hashable, Sendable, CaseIterable {
    case session, line, turn, token, order, paid
}

/// The part of the system that stopped a request.
package enum GateLayer: String, Hashable, Sendable, CaseIterable {
    case identity, limits, rules, line, challenge, shed, sale, form, unit

    /// The layer of a gate's refusal.
    ///
    /// - Parameter isFast: The visitor answered too fast before. The code `blocked` does not say whether a list or the
    ///   clock stopped a buyer.
    package static func of(_ code: String, isFast: Bool) -> GateLayer {
        switch code {
        case "bad_identity", "identity_unavailable": .identity
        case "rate_limited": .limits
        case "blocked": isFast ? .challenge : .rules
        case "not_eligible": .rules
        case "bad_ticket", "not_admitted", "entry_closed": .line
        case "challenge_required", "challenge_failed", "challenge_spent", "too_fast", "too_easy": .challenge
        case "overloaded": .shed
        case "not_started", "paused", "ended", "sold_out", "recovering": .sale
        default: .form
        }
    }

    /// Refusals of a unit that write nothing: of the token alone, of the sale's time, of the sold-out flag, and of a unit
    /// that cannot serve. Every other answer counts as one that the ledger may know, also no answer at all.
    static let beforeLedger: Set<String> = [
        "bad_token", "token_expired", "token_revoked", "blocked", "wrong_unit", "unknown_lot", "invalid_json",
        "invalid_quantity", "not_started", "ended", "paused", "sold_out", "restocking", "overloaded", "recovering",
        "rate_limited",
    ]
}

/// What the visitors of one kind asked for, how far they got, and what they won.
package struct VisitorFigures: Hashable, Sendable, Codable {
    package var visitors = 0
    package var identities = 0
    /// To gates and units. Not counted: the status, which everybody shares, and payments, which the provider sends.
    package var requests = 0
    /// Of these, the ones that a unit's ledger may know: see ``GateLayer``.
    package var requestsAtLedgers = 0
    /// Visitors by ``VisitorStage``.
    package var reached: [String: Int] = [:]
    /// Items of acknowledged orders; an order counts once, for the buyer who got it first.
    package var items = 0
    /// Refused requests by ``GateLayer`` and code.
    package var stopped: [String: [String: Int]] = [:]
    package init() {}

    package var itemsPerIdentity: Double { Double(self.items) / Double(max(1, self.identities)) }
    package var requestsPerVisitor: Double { Double(self.requests) / Double(max(1, self.visitors)) }

    package mutating func add(_ other: VisitorFigures) {
        self.visitors += other.visitors
        self.identities += other.identities
        self.requests += other.requests
        self.requestsAtLedgers += other.requestsAtLedgers
        self.items += other.items
        self.reached.merge(other.reached) { $0 + $1 }
        self.stopped.merge(other.stopped) { $0.merging($1) { $0 + $1 } }
    }
}
