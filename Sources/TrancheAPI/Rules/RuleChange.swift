package import TrancheCore

extension SaleConfig {
    /// Rules in the place of a sale's own. What is not given stays as the sale has it.
    ///
    /// Stock, times, secrets and units are not here: they are the same everywhere.
    package struct RuleChange: Hashable, Sendable, Codable {
        /// Field by field in the place of the sale's rules of gates.
        package let gate: GateRules?
        /// `perBuyerLimit`, by lot.
        package let limits: [String: Int]?
        /// The line, by lot. Only a draft's, as the sale's own lines.
        package let lines: [String: LinePolicy]?
        package init(gate: GateRules? = nil, limits: [String: Int]? = nil, lines: [String: LinePolicy]? = nil) {
            (self.gate, self.limits, self.lines) = (gate, limits, lines)
        }

        /// Whether units have something to change.
        package var touchesUnits: Bool { self.limits?.isEmpty == false || self.gate?.switches?.events != nil }

        /// Whether gates have something to change.
        package var touchesGates: Bool {
            if self.lines?.isEmpty == false { return true }
            guard let gate else { return false }
            return gate.with(events: nil) != GateRules().with(events: nil)
        }
    }
}

extension SaleConfig.GateRules {
    /// These rules, and those of `own` where these have none.
    package func over(_ own: Self?) -> Self {
        Self(
            rules: self.rules ?? own?.rules, perUserPerMinute: self.perUserPerMinute ?? own?.perUserPerMinute,
            perAddressPerMinute: self.perAddressPerMinute ?? own?.perAddressPerMinute,
            perSessionPerMinute: self.perSessionPerMinute ?? own?.perSessionPerMinute, burst: self.burst ?? own?.burst,
            perLotPerSecond: self.perLotPerSecond ?? own?.perLotPerSecond, challenge: self.challenge ?? own?.challenge,
            workCost: self.workCost ?? own?.workCost,
            minimumAnswerMilliseconds: self.minimumAnswerMilliseconds ?? own?.minimumAnswerMilliseconds,
            clockMilliseconds: self.clockMilliseconds ?? own?.clockMilliseconds,
            tokenSeconds: self.tokenSeconds ?? own?.tokenSeconds,
            delayMilliseconds: self.delayMilliseconds ?? own?.delayMilliseconds,
            switches: self.switches.map { $0.over(own?.switches) } ?? own?.switches)
    }

    /// These rules without what operators switch while a sale runs.
    package var withoutSwitches: Self { self.with(nil) }

    /// These rules with another switch of events, which is the only one that units read.
    fileprivate func with(events: Bool?) -> Self {
        self.with(.init(events: events, estimates: self.switches?.estimates, harder: self.switches?.harder))
    }

    private func with(_ switches: SaleConfig.GateRules.Switches?) -> Self {
        Self(
            rules: self.rules, perUserPerMinute: self.perUserPerMinute, perAddressPerMinute: self.perAddressPerMinute,
            perSessionPerMinute: self.perSessionPerMinute, burst: self.burst, perLotPerSecond: self.perLotPerSecond,
            challenge: self.challenge, workCost: self.workCost,
            minimumAnswerMilliseconds: self.minimumAnswerMilliseconds, clockMilliseconds: self.clockMilliseconds,
            tokenSeconds: self.tokenSeconds, delayMilliseconds: self.delayMilliseconds,
            switches: switches)
    }
}

extension SaleConfig.GateRules.Switches {
    fileprivate func over(_ own: Self?) -> Self {
        Self(
            events: self.events ?? own?.events, estimates: self.estimates ?? own?.estimates,
            harder: self.harder ?? own?.harder)
    }
}

extension SaleConfig.Sale {
    /// This sale with other rules in the place of its own.
    package func with(_ change: SaleConfig.RuleChange) -> Self {
        var sale = self
        if let gate = change.gate { sale.gate = gate.over(self.gate) }
        for index in sale.lots.indices {
            let lot = sale.lots[index].id.description
            if let limit = change.limits?[lot] { sale.lots[index].perBuyerLimit = limit }
            if let line = change.lines?[lot] { sale.lots[index].line = line }
        }
        return sale
    }
}
