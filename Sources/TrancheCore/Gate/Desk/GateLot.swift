/// What a gate must know of a lot to decide about its buyers: the rules of its sale, and what the center told last.
package struct GateLot: Hashable, Sendable {
    /// The steps of a sale, as buyers see them.
    package enum Phase: String, Hashable, Sendable, Codable {
        /// Buyers may enter the line, and nothing is sold before the opening.
        case waiting
        case open
        case paused
        case ended
    }

    package let id: LotID
    /// The name of the lot's sale.
    package let sale: String
    package let policy: LinePolicy
    /// `.open` also before the opening, if the sale opens by the clock.
    package let phase: Phase
    package let opensAt: Instant
    package let closesAt: Instant
    package let userRate: RateLimit
    package let addressRate: RateLimit
    /// `nil`: a session has the limit of its buyer only.
    package let sessionRate: RateLimit?
    /// Tokens of the whole lot; `nil`: no limit.
    package let lotRate: RateLimit?
    package let rules: [GateRule]
    package let wantsChallenge: Bool
    /// The kinds of challenges that count in this lot.
    package let kinds: Set<ChallengeKind>
    package let minimumAnswerMilliseconds: Int64
    package let tokenMilliseconds: Int64
    /// Buyers that operators have blocked.
    package let blocked: Set<BuyerID>
    /// What the center told last; `nil` before the first time.
    package internal(set) var line: LineState?
    package internal(set) var band = StockBand.many

    package init(
        id: LotID, sale: String, policy: LinePolicy, phase: Phase, opensAt: Instant, closesAt: Instant,
        userRate: RateLimit, addressRate: RateLimit, sessionRate: RateLimit? = nil, lotRate: RateLimit?,
        rules: [GateRule], wantsChallenge: Bool,
        kinds: Set<ChallengeKind> = Set(ChallengeKind.allCases), minimumAnswerMilliseconds: Int64,
        tokenMilliseconds: Int64, blocked: Set<BuyerID> = []
    ) {
        (self.id, self.sale, self.policy, self.phase) = (id, sale, policy, phase)
        (self.opensAt, self.closesAt) = (opensAt, closesAt)
        (self.userRate, self.addressRate, self.lotRate) = (userRate, addressRate, lotRate)
        self.sessionRate = sessionRate
        (self.rules, self.wantsChallenge, self.kinds) = (rules, wantsChallenge, kinds)
        self.minimumAnswerMilliseconds = minimumAnswerMilliseconds
        self.tokenMilliseconds = tokenMilliseconds
        self.blocked = blocked
    }

    /// The phase at a moment.
    package func phase(at now: Instant) -> Phase {
        switch self.phase {
        case .open where now < self.opensAt: .waiting
        case .open where now >= self.closesAt, .waiting where now >= self.closesAt: .ended
        case .waiting, .open, .paused, .ended: self.phase
        }
    }

    /// The line's threshold. A lot without a line lets everybody pass once it is open.
    package var threshold: LineThreshold {
        self.policy.needsEntry ? self.line?.threshold ?? LineThreshold() : LineThreshold(.everybody)
    }

    /// Why no token is made at this moment.
    func refusal(at now: Instant) -> GateRefusal? {
        switch self.phase(at: now) {
        case .waiting: .notStarted(opensAt: self.opensAt)
        case .paused: .paused
        case .ended: .ended
        case .open: self.band == .gone ? .soldOut : nil
        }
    }
}
