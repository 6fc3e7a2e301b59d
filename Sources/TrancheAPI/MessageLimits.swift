package import TrancheCore

// Limits of messages between processes. A message beyond a limit comes from a faulty sender. It is refused as a whole
// and changes nothing.

/// A message whose limits ``JSON/decode(_:from:)`` checks, so that no route can forget the check.
package protocol LimitedMessage {
    /// - Throws: ``Problem`` with code `invalid_message`.
    func checkLimits() throws(Problem)
}

extension Problem {
    static func check<Value: FixedWidthInteger>(
        _ name: String, _ value: Value?, in range: ClosedRange<Value>
    ) throws(Problem) {
        guard let value, !range.contains(value) else { return }
        throw Problem(
            status: 400, code: "invalid_message",
            detail: "\(name) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }

    static func check(_ name: String, count: Int, limit: Int) throws(Problem) {
        try self.check("number of \(name)", count, in: 0...limit)
    }

    static func check(_ generation: Generation?) throws(Problem) {
        try self.check("generation", generation?.rawValue, in: 0...Limits.generation)
    }

    static func check(_ incarnation: Incarnation) throws(Problem) {
        try self.check("incarnation", incarnation.rawValue, in: 0...Limits.incarnation)
    }

    static func check(_ epoch: Epoch?) throws(Problem) {
        try self.check("epoch", epoch?.rawValue, in: 0...Limits.epoch)
    }

    /// A position in a ledger.
    static func check(_ head: LedgerHead?) throws(Problem) {
        try self.check("position", head?.position, in: 0...Limits.position)
    }

    static func check(_ counters: QuotaCounters) throws(Problem) {
        for (name, value) in [
            ("granted", counters.granted), ("allocated", counters.allocated), ("returned", counters.returned),
            ("sold", counters.sold), ("cancelled", counters.cancelled),
        ] { try self.check(name, value, in: 0...Limits.counter) }
    }

    /// The address is copied into response headers, where a line break in it would end the header (RFC 3986, section
    /// 2).
    static func isAddress(_ url: String) -> Bool { url.utf8.allSatisfy { (0x21...0x7E).contains($0) } }

    static func check(url: String) throws(Problem) {
        try self.check("number of the address's bytes", url.utf8.count, in: 0...Limits.urlBytes)
        guard self.isAddress(url) else {
            throw Problem(
                status: 400, code: "invalid_message",
                detail: "the address \(url.debugDescription) has characters that a URL cannot contain")
        }
    }
}

extension RegisterRequest: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.generation)
        try Problem.check(self.incarnation)
        try Problem.check(self.head)
        try Problem.check(self.answer?.proof)
        try Problem.check("earlier positions", count: self.answer?.earlier.count ?? 0, limit: Limits.earlierAccounts)
        for head in self.answer?.earlier ?? [] { try Problem.check(head) }
    }
}

extension RegisterEnvelope: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try self.request.checkLimits()
        for url in [self.publicURL, self.internalURL] { try Problem.check(url: url) }
        for text in [self.name, self.region] {
            try Problem.check("number of the name's bytes", text.utf8.count, in: 0...Limits.urlBytes)
        }
    }
}

extension UnitReport: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.generation)
        try Problem.check(self.incarnation)
        for head in [self.head, self.proof] { try Problem.check(head) }
        try Problem.check("proves", self.proves, in: 0...Limits.position)
        try Problem.check("lots", count: self.lots.count, limit: Limits.lotsPerMessage)
        for lot in self.lots {
            try Problem.check(lot.counters)
            for (name, value) in [("offered", lot.offered), ("starved", lot.starved), ("paid", lot.paid)] {
                try Problem.check(name, value, in: 0...Limits.counter)
            }
        }
        try Problem.check("earlier accounts", count: self.earlier.count, limit: Limits.earlierAccounts)
        for one in self.earlier {
            try Problem.check(one.generation)
            try Problem.check("live", one.live, in: 0...Limits.counter)
        }
    }
}

extension LoadFigures: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check("capacityPerSecond", self.capacityPerSecond, in: 0...CapacityEstimate.limits.upperBound)
        try Problem.check("waitingMilliseconds", self.waitingMilliseconds, in: 0...60_000)
        try Problem.check("cpuPermille", self.cpuPermille, in: 0...1_000)
    }
}

extension PurchaseFigures: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check("refusal codes", count: self.refused.count, limit: Limits.refusalCodes)
        try Problem.check("durations", count: self.durations.count, limit: Self.bounds.count + 1)
        for count in [Int](self.refused.values) + self.durations {
            try Problem.check("count of purchases", count, in: 0...Limits.counter)
        }
        for code in self.refused.keys {
            try Problem.check(
                "bytes of a refusal "
                    + "code", count: code.utf8.count, limit: 64)
        }
    }
}

extension ReportEnvelope: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try self.load?.checkLimits()
        try self.figures?.checkLimits()
        try Problem.check("configVersion", self.configVersion, in: 0...Int.max)
        try self.report.checkLimits()
    }
}

extension QuotaDirectives: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.epoch)
        try Problem.check(self.generation)
        try Problem.check(self.witness)
        try self.coordinator?.checkLimits()
        try Problem.check("lots", count: self.lots.count, limit: Limits.lotsPerMessage)
        for lot in self.lots {
            for (name, value) in [
                ("granted", lot.granted), ("elsewhere", lot.elsewhere), ("contest", lot.contest),
                ("keep", lot.hint?.keep),
            ] { try Problem.check(name, value, in: 0...Limits.counter) }
            try Problem.check("branches", count: lot.branches?.count ?? 0, limit: Limits.branches)
        }
    }
}

extension CoordinatorAddress: LimitedMessage {
    package func checkLimits() throws(Problem) {
        try Problem.check(self.epoch)
        try Problem.check(url: self.url)
    }
}

extension RegisterReply: LimitedMessage {
    package func checkLimits() throws(Problem) {
        switch self {
        case .accepted(let directives), .newGeneration(let directives): try directives.checkLimits()
        case .proofRequired(let position, _, let earlier):
            try Problem.check("earlier positions", count: earlier.count, limit: Limits.earlierAccounts)
            for position in [position] + earlier {
                try Problem.check("position", position, in: 0...Limits.position)
            }
        case .superseded, .occupied, .centerIsBehind: break
        }
    }
}

extension ReportReply: LimitedMessage {
    package func checkLimits() throws(Problem) {
        if case .directives(let directives) = self { try directives.checkLimits() }
    }
}
