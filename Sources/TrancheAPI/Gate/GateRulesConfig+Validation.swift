package import TrancheCore

extension SaleConfig.GateRules {
    private static let ruleLimit = 64
    private static let nameBytes = 1...64

    /// - Throws: ``Problem`` with code `invalid_config`, naming the bad value and the limit.
    func validate(sale: String) throws(Problem) {
        func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws(Problem) {
            guard let value, !range.contains(value) else { return }
            throw .invalidConfig("sale \(sale): gate.\(name) \(value) is not in \(range)")
        }
        try check("perUserPerMinute", self.perUserPerMinute, 2...Limits.requestsPerWindow)
        try check("perAddressPerMinute", self.perAddressPerMinute, 2...Limits.requestsPerWindow)
        // More would mean nothing: the requests of a session are its buyer's.
        try check(
            "perSessionPerMinute", self.perSessionPerMinute,
            2...max(2, min(Limits.requestsPerWindow, self.perUserPerMinute ?? GateTerms.perUserPerMinute)))
        try check("burst", self.burst, 1...10_000)
        try check("perLotPerSecond", self.perLotPerSecond, 1...Limits.requestsPerWindow)
        try check("workCost", self.workCost, ChallengeWork.costs)
        try check("minimumAnswerMilliseconds", self.minimumAnswerMilliseconds, 0...60_000)
        if let clock = self.clockMilliseconds, clock != 0 {
            try check("clockMilliseconds", clock, 1_000...Int(SealedChallengeCodec.waitLimit))
            // The end of the wait must not be too fast for a person.
            let least = self.minimumAnswerMilliseconds ?? 1_000
            guard clock >= least else {
                throw .invalidConfig(
                    "sale \(sale): gate.clockMilliseconds \(clock) is less than gate.minimumAnswerMilliseconds \(least)"
                )
            }
        }
        try check("tokenSeconds", self.tokenSeconds, 10...3_600)
        try check("delayMilliseconds", self.delayMilliseconds, 0...500)
        let burst = self.burst ?? GateTerms.burst
        for (name, limit) in [
            ("perUserPerMinute", self.perUserPerMinute ?? GateTerms.perUserPerMinute),
            ("perAddressPerMinute", self.perAddressPerMinute ?? GateTerms.perAddressPerMinute),
        ] where burst >= limit {
            // Of N requests a minute with bursts of B, N - B are spread over the minute.
            throw .invalidConfig("sale \(sale): gate.burst \(burst) is not less than gate.\(name) \(limit)")
        }
        let rules = self.rules ?? []
        guard rules.count <= Self.ruleLimit else {
            throw .invalidConfig("sale \(sale): gate.rules has \(rules.count) rules, at most \(Self.ruleLimit)")
        }
        var ids: Set<String> = []
        for rule in rules {
            try rule.validate(sale: sale)
            guard ids.insert(rule.id).inserted else {
                throw .invalidConfig("sale \(sale): two rules of the gate have the id \"\(rule.id)\"")
            }
        }
    }

    /// Checks the name of a rule or a list: it stands in files, messages and metrics.
    fileprivate static func check(_ what: String, _ name: String, sale: String) throws(Problem) {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isPlain, Self.nameBytes.contains(name.utf8.count) else {
            throw .invalidConfig(
                "sale \(sale): the \(what) \"\(name.prefix(64))\" of a rule of the gate is not \(Self.nameBytes) "
                    + "letters, digits and dashes")
        }
    }
}

extension SaleConfig.GateRules.Rule {
    fileprivate func validate(sale: String) throws(Problem) {
        try SaleConfig.GateRules.check("id", self.id, sale: sale)
        func bad(_ why: String) -> Problem { .invalidConfig("sale \(sale): rule \(self.id) of the gate \(why)") }
        let range: ClosedRange<Int>? =
            switch self.kind {
            case .level: 1...SessionCodec.levelLimit
            case .accountAge: 1...36_500
            case .member, .allowBuyers, .blockBuyers, .allowAddresses, .blockAddresses: nil
            }
        switch (range, self.atLeast) {
        case (nil, nil): break
        case (nil, let value?): throw bad("has kind \(self.kind.rawValue), which has no atLeast (\(value))")
        case (let range?, nil): throw bad("has kind \(self.kind.rawValue), but atLeast (\(range)) is missing")
        case (let range?, let value?):
            guard range.contains(value) else { throw bad("has atLeast \(value), which is not in \(range)") }
        }
        switch (self.kind, self.list) {
        case (.level, let list?), (.accountAge, let list?), (.member, let list?):
            throw bad("has kind \(self.kind.rawValue), which has no list (\"\(list.prefix(64))\")")
        case (.level, nil), (.accountAge, nil), (.member, nil): break
        case (_, nil): throw bad("has kind \(self.kind.rawValue), but the name of its list is missing")
        case (_, let list?): try SaleConfig.GateRules.check("list", list, sale: sale)
        }
    }
}

extension SaleConfig.Sale {
    /// Checks the gate's rules, and that they do not contradict the lots.
    func validateGate() throws(Problem) {
        try self.gate?.validate(sale: self.id)
        let delay = self.gateTerms.delayMilliseconds
        guard delay > 0 else { return }
        for lot in self.lots {
            if lot.policy == .firstCome {
                throw .invalidConfig(
                    "lot \(lot.id): the line is first-come, but gate.delayMilliseconds is \(delay): a random delay "
                        + "would decide who comes first")
            }
            if lot.contest?.when == .global {
                throw .invalidConfig(
                    "lot \(lot.id): the contest is global and is decided by the unit's stamp, but "
                        + "gate.delayMilliseconds is \(delay): a random delay would decide who gets the earlier stamp")
            }
        }
    }

    /// Checks what depends on the time: buyers must be able to enter a lottery before it is drawn.
    ///
    /// - Parameter opensAt: The start, if it is not the configured one.
    package func checkLines(opensAt: Instant? = nil, now: Instant) throws(Problem) {
        let opensAt = opensAt ?? Instant(milliseconds: self.startsAtMilliseconds)
        guard opensAt <= now, let lot = self.lots.first(where: { self.linePolicy(of: $0) == .lottery }) else { return }
        throw .invalidConfig(
            "lot \(lot.id): the line is a lottery, which buyers enter before the start, but the start "
                + "\(JSON.text(opensAt)) has passed at \(JSON.text(now))")
    }
}
