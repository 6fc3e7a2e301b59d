package import TrancheCore

extension SaleConfig {
    /// What gates ask of buyers in a sale. Every field has a default.
    package struct GateRules: Hashable, Sendable, Codable {
        package enum Challenge: String, Hashable, Sendable, Codable, CaseIterable {
            case none
            /// The browser works for a moment.
            case work
            /// The buyer reads a picture, or answers to the shop's captcha provider.
            case question
        }

        /// One rule about buyers or addresses.
        package struct Rule: Hashable, Sendable, Codable {
            package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
                /// The buyer's level in the shop is `atLeast`.
                case level
                /// The account is at least `atLeast` days old.
                case accountAge
                case member
                /// The buyer, or the address, is in `list`, or is not.
                case allowBuyers, blockBuyers, allowAddresses, blockAddresses
            }
            package let id: String
            package let kind: Kind
            package let atLeast: Int?
            package let list: String?
            /// `enforce` if not given.
            package let mode: GateRule.Mode?
            package init(id: String, kind: Kind, atLeast: Int? = nil, list: String? = nil, mode: GateRule.Mode? = nil) {
                self.id = id
                self.kind = kind
                self.atLeast = atLeast
                self.list = list
                self.mode = mode
            }
        }

        /// What an operator can switch while a sale runs.
        package struct Switches: Hashable, Sendable, Codable {
            package let events: Bool?
            package let estimates: Bool?
            /// Whether every challenge is one level harder.
            package let harder: Bool?
            package init(events: Bool? = nil, estimates: Bool? = nil, harder: Bool? = nil) {
                self.events = events
                self.estimates = estimates
                self.harder = harder
            }
            package var hasEvents: Bool { self.events ?? true }
            package var hasEstimates: Bool { self.estimates ?? true }
            package var isHarder: Bool { self.harder ?? false }
        }

        package let rules: [Rule]?
        package let perUserPerMinute: Int?
        package let perAddressPerMinute: Int?
        /// Not less strict than the buyer's limit; without it a session has that one only.
        package let perSessionPerMinute: Int?
        package let burst: Int?
        package let perLotPerSecond: Int?
        package let challenge: Challenge?
        package let workCost: Int?
        package let minimumAnswerMilliseconds: Int?
        /// How long a buyer waits who chooses the clock; 0: the sale does without it.
        package let clockMilliseconds: Int?
        package let tokenSeconds: Int?
        package let delayMilliseconds: Int?
        package let switches: Switches?

        package init(
            rules: [Rule]? = nil, perUserPerMinute: Int? = nil, perAddressPerMinute: Int? = nil,
            perSessionPerMinute: Int? = nil, burst: Int? = nil,
            perLotPerSecond: Int? = nil, challenge: Challenge? = nil, workCost: Int? = nil,
            minimumAnswerMilliseconds: Int? = nil, clockMilliseconds: Int? = nil, tokenSeconds: Int? = nil,
            delayMilliseconds: Int? = nil, switches: Switches? = nil
        ) {
            self.rules = rules
            self.perUserPerMinute = perUserPerMinute
            self.perAddressPerMinute = perAddressPerMinute
            self.perSessionPerMinute = perSessionPerMinute
            self.burst = burst
            self.perLotPerSecond = perLotPerSecond
            self.challenge = challenge
            self.workCost = workCost
            self.minimumAnswerMilliseconds = minimumAnswerMilliseconds
            self.clockMilliseconds = clockMilliseconds
            self.tokenSeconds = tokenSeconds
            self.delayMilliseconds = delayMilliseconds
            self.switches = switches
        }
    }
}

/// The rules with their defaults, as a gate reads them.
package struct GateTerms: Hashable, Sendable {
    package static let perUserPerMinute = 100
    package static let perAddressPerMinute = 300
    package static let burst = 10
    package static let clockMilliseconds = 8_000

    package let rules: [GateRule]
    package let userRate: RateLimit
    package let addressRate: RateLimit
    /// `nil` if a session has no limit of its own.
    package let sessionRate: RateLimit?
    /// `nil` if a lot has no limit.
    package let lotRate: RateLimit?
    package let challenge: SaleConfig.GateRules.Challenge
    package let workCost: Int
    package let minimumAnswerMilliseconds: Int
    package let clockMilliseconds: Int
    package let tokenSeconds: Int
    package let delayMilliseconds: Int
    package let switches: SaleConfig.GateRules.Switches

    package init(_ rules: SaleConfig.GateRules?) {
        let given = rules ?? SaleConfig.GateRules()
        self.rules = (given.rules ?? []).compactMap(\.rule)
        let burst = given.burst ?? Self.burst
        self.userRate = Self.rate(given.perUserPerMinute ?? Self.perUserPerMinute, burst)
        self.addressRate = Self.rate(given.perAddressPerMinute ?? Self.perAddressPerMinute, burst)
        self.sessionRate = given.perSessionPerMinute.map { Self.rate($0, min(burst, max(1, $0 - 1))) }
        // A lot's requests come from many buyers: the whole limit may come at the same moment.
        self.lotRate = given.perLotPerSecond.flatMap { RateLimit(perSecond: $0, burst: $0) }
        self.challenge = given.challenge ?? .none
        self.workCost = given.workCost ?? ChallengeWork.defaultCost
        self.minimumAnswerMilliseconds = given.minimumAnswerMilliseconds ?? 1_000
        self.clockMilliseconds = given.clockMilliseconds ?? max(Self.clockMilliseconds, self.minimumAnswerMilliseconds)
        self.tokenSeconds = given.tokenSeconds ?? 120
        self.delayMilliseconds = given.delayMilliseconds ?? 0
        self.switches = given.switches ?? .init()
    }
}

extension GateTerms {
    /// The kinds of challenges that count in the sale.
    package var kinds: Set<ChallengeKind> {
        let wanted: ChallengeKind? =
            switch self.challenge {
            case .none: nil
            case .work: .work
            case .question: .question
            }
        return ChallengeOffer.kinds(wanted, clockMilliseconds: Int64(self.clockMilliseconds))
    }

    /// The limit of a validated configuration; of another one, the limit that is nearest to it.
    private static func rate(_ perMinute: Int, _ burst: Int) -> RateLimit {
        let count = min(max(2, perMinute), Limits.requestsPerWindow)
        let limit = RateLimit(perMinute: count, burst: min(max(1, burst), count - 1))
        guard let limit else { preconditionFailure("\(perMinute) requests a minute, bursts of \(burst)") }
        return limit
    }
}

extension SaleConfig.GateRules.Rule {
    /// The rule as the core judges by it; `nil` if it is not valid.
    fileprivate var rule: GateRule? {
        let condition: GateRule.Condition? =
            switch self.kind {
            case .level: self.atLeast.map { .level(atLeast: $0) }
            case .accountAge: self.atLeast.map { .accountAge(days: $0) }
            case .member: .member
            case .allowBuyers: self.list.map { .allowBuyers(list: $0) }
            case .blockBuyers: self.list.map { .blockBuyers(list: $0) }
            case .allowAddresses: self.list.map { .allowAddresses(list: $0) }
            case .blockAddresses: self.list.map { .blockAddresses(list: $0) }
            }
        return condition.map { GateRule(id: self.id, $0, mode: self.mode ?? .enforce) }
    }
}

extension SaleConfig.Sale {
    package var gateTerms: GateTerms { GateTerms(self.gate) }

    /// Whether a lot of the sale is drawn: then the draw's hash is published, and its seed after the opening.
    package var isDrawn: Bool { self.lots.contains { self.linePolicy(of: $0).isDrawn } }
}

extension SaleConfig.Lot {
    package var policy: LinePolicy { self.line ?? .open }
}
