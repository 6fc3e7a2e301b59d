package import TrancheCore

extension SaleConfig.Lot {
    /// How a lot is contested. Every field has a default.
    package struct Contest: Hashable, Sendable, Codable {
        package enum When: String, Hashable, Sendable, Codable, CaseIterable {
            /// When the remaining stock could be sold during the switch to a contest: the default.
            case scarce
            /// When a share of the stock is left: ``Contest/permille``.
            case share
            /// From the start, for the whole stock.
            case global
            /// Never: each unit sells its last items to its own buyers.
            case never
        }
        package enum Policy: String, Hashable, Sendable, Codable, CaseIterable {
            case stamp
            case bandLottery = "band-lottery"
            case rounds
            case arrival
        }
        package let when: When?
        package let permille: Int?
        package let policy: Policy?
        /// Width of the band, or length of a round.
        package let milliseconds: Int64?
        /// Requests that may wait for returned stock; a tenth of the stock if not given.
        package let waitlist: Int?

        package init(
            when: When? = nil, permille: Int? = nil, policy: Policy? = nil, milliseconds: Int64? = nil,
            waitlist: Int? = nil
        ) {
            self.when = when
            self.permille = permille
            self.policy = policy
            self.milliseconds = milliseconds
            self.waitlist = waitlist
        }

        func validate(_ lot: LotID) throws(Problem) {
            func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws(Problem) {
                guard let value, !range.contains(value) else { return }
                throw .invalidConfig("lot \(lot): contest.\(name) \(value) is not in \(range)")
            }
            try check("permille", self.permille, 1...1_000)
            try check("milliseconds", self.milliseconds.map { Int($0) }, 1...10_000)
            try check("waitlist", self.waitlist, 0...Limits.waitlist)
            guard self.when != .share || self.permille != nil else {
                throw .invalidConfig("lot \(lot): contest.when is share, but contest.permille is missing")
            }
        }
    }

    package var contestStart: ContestStart {
        switch self.contest?.when ?? .scarce {
        case .scarce: .whenScarce
        case .share: .atShare(permille: self.contest?.permille ?? 0)
        case .global: .fromTheStart
        case .never: .never
        }
    }

    /// Clamps to the limit, because the configuration may not be validated yet.
    private static func window(_ milliseconds: Int64) -> Int64 {
        min(max(0, milliseconds), Limits.contestWindowMilliseconds)
    }

    package var contestTerms: ContestTerms {
        let waitlist = self.contest?.waitlist ?? min(Limits.waitlist, max(20, self.stock / 10))
        let policy: ContestPolicy =
            switch self.contest?.policy ?? .stamp {
            case .stamp: .stamp
            case .bandLottery: .bandLottery(microseconds: Self.window(self.contest?.milliseconds ?? 1) * 1_000)
            case .rounds: .rounds(milliseconds: Self.window(self.contest?.milliseconds ?? 50))
            case .arrival: .arrival
            }
        return ContestTerms(policy: policy, waitlist: waitlist)
    }
}
