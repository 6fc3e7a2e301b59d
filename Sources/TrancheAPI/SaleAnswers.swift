package import TrancheCore

// The findings of the rules of sales as texts for operators: what is wrong, and what to do next.

/// Names of units, by number; for a unit that was removed, its number.
package struct UnitNames: Hashable, Sendable {
    private var names: [UnitID: String] = [:]
    package init(_ config: SaleConfig) { self.add(config) }

    /// Adds the names of a newer configuration, and keeps those of removed units.
    package mutating func add(_ config: SaleConfig) { for unit in config.units { self.names[unit.id] = unit.name } }
    package subscript(unit: UnitID) -> String { self.names[unit] ?? "unit \(unit)" }
}

extension RolloutDocument {
    package init(_ rollout: Rollout, _ names: UnitNames) {
        let applied = rollout.applied.map { (names[$0.key], $0.value) }
        self.init(
            version: rollout.version, applied: Dictionary(applied, uniquingKeysWith: max),
            refusal: rollout.refusal.map { $0.text(names) })
    }
}

extension Rollout.Refusal {
    fileprivate func text(_ names: UnitNames) -> String { "\(names[self.unit]): \(self.reason)" }
}

extension Readiness {
    package init(_ readiness: SaleReadiness, _ names: UnitNames) {
        self.init(missing: readiness.missing.map { $0.text(names) })
    }
}

extension SaleReadiness.Missing {
    fileprivate func text(_ names: UnitNames) -> String {
        switch self {
        case .rolloutStopped(let version, let refusal):
            "the rollout of version \(version) was stopped: \(refusal.text(names))"
        case .units: "no unit has registered"
        case .report(let unit): "\(names[unit]) does not report"
        case .version(let unit, let version): "\(names[unit]) has not applied version \(version)"
        case .quota(let unit, let lot, let held, let planned, let isDrained):
            "\(names[unit]) holds \(held) of \(planned) of lot \(lot)"
                + (isDrained ? ", because it is drained: `tranche unit drain \(names[unit]) --off`" : "")
        case .drained(let unit, let lot, let planned):
            "\(names[unit]) is drained, and would not get its \(planned) of lot \(lot): `tranche unit drain "
                + "\(names[unit]) --off`"
        case .priming(let unit, let lot): "\(names[unit]) has not loaded lot \(lot) into Redis"
        }
    }
}

extension Problem {
    package static func unknownSale(_ id: String) -> Problem {
        Problem(status: 404, code: "unknown_sale", detail: "there is no sale \"\(id.prefix(64))\"")
    }

    package static func wrongState(_ sale: SaleConfig.Sale, _ why: String) -> Problem {
        Problem(status: 409, code: "wrong_state", detail: "sale \(sale.id) is \(sale.state.rawValue)\(why)")
    }

    package static func inUse(_ id: String, _ why: String) -> Problem {
        Problem(status: 409, code: "in_use", detail: "sale \(id) \(why): repeat in a moment")
    }

    package init(_ refusal: Settlement.Refusal, _ names: UnitNames) {
        let (code, detail): (String, String) =
            switch refusal {
            case .stranded(let unit, let lot, let generation, let quantity):
                (
                    "stranded",
                    "\(names[unit]): \(quantity) of lot \(lot) is stranded: settle it with `tranche quota settle --lot "
                        + "\(lot) --unit \(names[unit]) --generation \(generation.rawValue)`, then repeat"
                )
            case .undercounted(let unit, let lot, let generation, let settled, let shown):
                (
                    "unsettled",
                    "\(names[unit]): generation \(generation.rawValue) of lot \(lot) was settled with \(settled) sold, "
                        + "but its ledger shows \(shown). \(shown - settled) more were sold than settled: find the "
                        + "orders with `tranche verify`, cancel or refund them, drain and stop the unit, then repeat"
                )
            case .silent(let unit, let lot, let held):
                (
                    "not_reported",
                    "\(names[unit]) holds \(held) of lot \(lot) and does not report: start it; if it is lost, strand "
                        + "its quota with POST /v1/units/\(unit)/strand and settle it"
                )
            case .behind(let unit, let version):
                ("not_reported", "\(names[unit]) has not applied version \(version) yet: repeat in a moment")
            case .untold(let unit, let lot):
                ("not_reported", "\(names[unit]) has not reported lot \(lot) yet: repeat in a moment")
            case .allocating(let unit, let lot, let quantity):
                (
                    "not_reported",
                    "\(names[unit]) has not reported \(quantity) of lot \(lot) that its contest allocated: repeat in a "
                        + "moment"
                )
            case .reserved(let unit, let lot, let quantity):
                (
                    "unsettled",
                    "\(names[unit]): \(quantity) of lot \(lot) are still reserved: wait for the payment deadline"
                )
            }
        self.init(status: 409, code: code, detail: detail)
    }

    /// - Parameter name: The name of the unit.
    package init(_ refusal: UnitAddition.Refusal, name: String) {
        let (code, why) =
            switch refusal {
            case .wrongState(let state):
                (
                    "wrong_state",
                    "cannot be added to a sale that is \(state.rawValue): only to one that is open or paused"
                )
            case .isHome: ("is_home", "is a home of this sale since its opening")
            case .noHomes(let region):
                ("no_homes", "is in region \(region), in which the sale has no unit that could refer buyers")
            case .silent:
                ("not_reported", "does not report: start it first, and wait until `tranche unit list` shows it")
            case .drained: ("drained", "is drained: `tranche unit drain \(name) --off`")
            case .tooMany(let limit): ("too_many_units", "is one too many: at most \(limit) units are added to a sale")
            }
        self.init(status: 409, code: code, detail: "\(name) \(why)")
    }

    /// - Parameter sale: The sale whose items were to be carried.
    package init(_ refusal: SecondRound.Refusal, sale: String, _ names: UnitNames) {
        let (code, detail): (String, String) =
            switch refusal {
            case .notSettled(let state):
                (
                    "wrong_state",
                    "sale \(sale) is \(state.rawValue): what is unsold is known when it is settled"
                )
            case .stranded(let unit, let lot, let generation, let quantity):
                (
                    "stranded",
                    "\(names[unit]): \(quantity) of lot \(lot) is stranded: settle it with `tranche quota settle --lot "
                        + "\(lot) --unit \(names[unit]) --generation \(generation.rawValue)`, then repeat"
                )
            case .silent(let unit, let lot, let held):
                (
                    "not_reported",
                    "\(names[unit]) may hold \(held) of lot \(lot) unsold, and does not report: start it; if it is lost, "
                        + "strand its quota with POST /v1/units/\(unit)/strand and settle it"
                )
            case .untold(let unit, let lot):
                ("not_reported", "\(names[unit]) has not reported lot \(lot) yet: repeat in a moment")
            case .unreturned(let unit, let lot, let quantity):
                (
                    "not_returned",
                    "\(names[unit]) holds \(quantity) of lot \(lot) unsold, and was asked to return them: repeat in a moment"
                )
            case .nothingLeft: ("nothing_left", "sale \(sale) has nothing left: 0 items are unsold")
            case .ownStock(let lot, let issued):
                ("own_stock", "lot \(lot) has \(issued) items that do not come from sale \(sale): choose another sale")
            case .tooMany(let lot, let quantity, let limit):
                ("too_many_items", "lot \(lot) would get \(quantity) items more, and \(limit) is the limit")
            }
        self.init(status: 409, code: code, detail: detail)
    }

    /// - Parameter name: The name of the unit.
    package init(_ refusal: UnitRemoval.Refusal, name: String) {
        let why =
            switch refusal {
            case .isHome(let sale, let state):
                "is the home of buyers of sale \(sale), which is \(state.rawValue): settle the sale first"
            case .reports: "still reports: stop it first"
            case .holds(let quantity, let lot):
                "holds \(quantity) of lot \(lot): drain it, or settle what it holds"
            }
        self.init(status: 409, code: "unit_in_use", detail: "\(name) \(why)")
    }
}
