package import TrancheCore

// What a staged rollout found, as texts for operators.

extension RolloutHold {
    package func text(_ names: UnitNames) -> String {
        switch self {
        case .refusals(let code, let permille, let usual):
            "\(Self.percent(permille)) of the purchases at units with the new rules are refused with \(code), against "
                + "\(Self.percent(usual)) elsewhere or before"
        case .gateRefusals(let code, let permille, let usual):
            "\(Self.percent(permille)) of those who want a token at gates with the new rules are refused with \(code), "
                + "against \(Self.percent(usual)) elsewhere or before"
        case .slow(let microseconds, let usual):
            "99 % of the orders at units with the new rules take up to \(Self.milliseconds(microseconds)), against "
                + "\(Self.milliseconds(usual)) elsewhere or before"
        case .tooFew(let answered, let needed):
            "the stage was watched for its whole time, but only \(answered) purchases were answered, of \(needed) "
                + "that are needed to judge"
        case .unheard(let unit): "\(names[unit]) does not report, or has not applied the stage's version"
        case .versionRefused(let unit, let reason): "\(names[unit]) refused the stage's version: \(reason)"
        case .contested(let lot):
            "lot \(lot) is contested: one order over all units decides, so every unit has the sale's own rules again"
        case .notOpen(let state): "the sale is \(state.rawValue), so nothing can be compared"
        case .byOperator: "an operator holds it"
        }
    }

    private static func percent(_ permille: Int) -> String { "\(permille / 10).\(permille % 10) %" }
    private static func milliseconds(_ microseconds: Int64) -> String {
        "\(microseconds / 1_000).\(microseconds % 1_000 / 100) ms"
    }
}

extension SaleConfig.Sale {
    /// This sale with the rules of its units and regions replaced.
    ///
    /// - Throws: ``Problem``: `wrong_state`, `rollout_under_way`, `contested_lot`, or `invalid_config` if lines would
    ///   change after the draft.
    package func with(_ variants: [SaleConfig.Variant]) throws(Problem) -> Self {
        guard self.state.allows(.differentRules) else {
            throw .wrongState(self, ": rules can differ until it is closed")
        }
        guard self.staged == nil else { throw .rolloutUnderWay(self.id) }
        if self.rulesAlike == true, !variants.isEmpty { throw .alike(self.id) }
        guard self.state.allows(.lots) || Self.lines(variants) == Self.lines(self.variants ?? []) else {
            throw .invalidConfig(
                "sale \(self.id) is \(self.state.rawValue): lines are fixed after the draft, because buyers wait in "
                    + "them")
        }
        var sale = self
        sale.variants = variants.isEmpty ? nil : variants
        return sale
    }

    /// The lines of regions that have others than the sale.
    package static func lines(_ variants: [SaleConfig.Variant]) -> [String: [String: LinePolicy]] {
        var lines: [String: [String: LinePolicy]] = [:]
        for variant in variants {
            for region in variant.regions ?? [] {
                if let others = variant.rules.lines, !others.isEmpty { lines[region] = others }
            }
        }
        return lines
    }

    /// This sale with new rules on their way.
    ///
    /// - Throws: ``Problem``: `wrong_state` unless it is open, `rollout_under_way`, or `contested_lot`.
    package func beginning(_ staged: SaleConfig.Staged) throws(Problem) -> Self {
        guard self.staged == nil else { throw .rolloutUnderWay(self.id) }
        guard self.state.allows(.stagedRollout) else {
            throw .wrongState(self, ": stages are compared by their purchases. Before the opening, edit the sale")
        }
        guard self.rulesAlike != true else { throw .alike(self.id) }
        guard self.with(staged.rules) != self else {
            throw .invalidConfig("sale \(self.id): the rollout's rules are the sale's own already")
        }
        var sale = self
        sale.staged = staged
        return sale
    }

    /// This sale after what becomes of its rollout.
    ///
    /// - Throws: ``Problem`` with code `no_rollout`.
    package func taking(
        _ next: StagedRollout.Next, _ names: UnitNames, now: Instant
    ) throws(Problem) -> Self {
        guard var staged else {
            throw Problem(
                status: 409, code: "no_rollout", detail: "sale \(self.id): no new rules are on their way to its units")
        }
        var sale = self
        switch next {
        case .wait: return self
        case .hold(let hold):
            staged.held = .init(code: hold.code, detail: hold.text(names), atMilliseconds: now.milliseconds)
            if case .contested = hold { sale.rulesAlike = true }
        case .watch: (staged.held, staged.watchedSinceMilliseconds) = (nil, now.milliseconds)
        case .stage(let stage):
            (staged.stage, staged.held, staged.watchedSinceMilliseconds) = (stage, nil, now.milliseconds)
        case .finish:
            sale = self.with(staged.rules)
            sale.staged = nil
            return sale
        case .rollBack:
            sale.staged = nil
            return sale
        }
        sale.staged = staged
        return sale
    }
}

extension Problem {
    fileprivate static func alike(_ sale: String) -> Problem {
        Problem(
            status: 409, code: "contested_lot",
            detail: "sale \(sale): a lot is contested, so one order over all units decides, and the rules are the "
                + "same everywhere. Change the sale's own rules instead")
    }
}
