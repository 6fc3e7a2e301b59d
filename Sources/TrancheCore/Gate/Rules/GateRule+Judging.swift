extension Sequence<GateRule> {
    /// Every rule that the buyer breaks, in the order of the rules. Each rule stands alone: whoever is in a list of
    /// allowed buyers must fulfil the other rules, too.
    ///
    /// - Parameter now: By the wall clock, for the age of the account.
    package func judge(claims: GateClaims, address: NetworkAddress, lists: GateLists, now: Instant) -> [RuleHit] {
        self.compactMap { rule in
            rule.broken(claims, address, lists, now).map { RuleHit(rule: rule.id, reason: $0, mode: rule.mode) }
        }
    }
}

extension GateRule {
    private static let dayMilliseconds: Int64 = 86_400_000

    /// Why the buyer breaks this rule; `nil` if not.
    fileprivate func broken(
        _ claims: GateClaims, _ address: NetworkAddress, _ lists: GateLists, _ now: Instant
    ) -> RuleHit.Reason? {
        switch self.condition {
        case .level(let atLeast): claims.level >= atLeast ? nil : .notEligible
        case .accountAge(let days): Self.isOld(claims.accountCreatedAt, days, now) ? nil : .notEligible
        case .member: claims.isMember ? nil : .notEligible
        case .allowBuyers(let list): Self.allowed(lists.buyers[list]?.contains(claims.buyer))
        case .allowAddresses(let list): Self.allowed(lists.addresses[list]?.contains(address))
        case .blockBuyers(let list): Self.notBlocked(lists.buyers[list]?.contains(claims.buyer))
        case .blockAddresses(let list): Self.notBlocked(lists.addresses[list]?.contains(address))
        }
    }

    private static func isOld(_ createdAt: Instant?, _ days: Int, _ now: Instant) -> Bool {
        guard let createdAt else { return days <= 0 }
        let (age, over) = Int64(days).multipliedReportingOverflow(by: Self.dayMilliseconds)
        return !over && now.milliseconds(since: createdAt) >= age
    }

    private static func allowed(_ isListed: Bool?) -> RuleHit.Reason? {
        guard let isListed else { return .missingList }
        return isListed ? nil : .notEligible
    }

    private static func notBlocked(_ isListed: Bool?) -> RuleHit.Reason? {
        guard let isListed else { return .missingList }
        return isListed ? .blocked : nil
    }
}
