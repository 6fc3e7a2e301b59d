package import TrancheCore

extension Problem {
    package static func contestedLot(_ lot: LotID, _ sale: String, _ why: String) -> Problem {
        Problem(
            status: 409, code: "contested_lot",
            detail: "sale \(sale): lot \(lot) \(why), and then one order over all units decides: its rules are the "
                + "same everywhere. Change the sale's own rules instead")
    }

    package static func rolloutUnderWay(_ sale: String) -> Problem {
        Problem(
            status: 409, code: "rollout_under_way",
            detail: "sale \(sale): new rules are on their way to its units: finish the rollout, or roll it back, first")
    }
}

extension SaleConfig.RuleChange {
    /// - Parameters:
    ///   - sale: With its own rules.
    ///   - name: What stands in messages for the change.
    /// - Throws: ``Problem``: `invalid_config`, naming the bad value and the limit, or `contested_lot`.
    func validate(_ sale: SaleConfig.Sale, _ name: String) throws(Problem) {
        func bad(_ detail: String) -> Problem { .invalidConfig("sale \(sale.id): \(name) \(detail)") }
        guard self.touchesUnits || self.touchesGates else { throw bad("changes no rule: give gate, limits or lines") }
        guard self.gate?.tokenSeconds == nil else {
            throw bad(
                "changes gate.tokenSeconds, by which the line counts the tokens of all gates: it is the same "
                    + "everywhere")
        }
        let ids = Set(sale.lots.map(\.id.description))
        for lot in Set((self.limits ?? [:]).keys).union((self.lines ?? [:]).keys).sorted() where !ids.contains(lot) {
            throw bad("names lot \"\(lot.prefix(20))\", which the sale does not have")
        }
        for (lot, limit) in (self.limits ?? [:]).sorted(by: { $0.key < $1.key })
        where !(1...Limits.quantityPerOrder).contains(limit) {
            throw bad("has the limit \(limit) for lot \(lot), which is not in \(1...Limits.quantityPerOrder)")
        }
        for lot in sale.lots where lot.contest?.when == .global {
            // The gate's rules delay the buyers of all lots of the sale.
            guard self.gate == nil, self.limits?[lot.id.description] == nil, self.lines?[lot.id.description] == nil
            else { throw .contestedLot(lot.id, sale.id, "is contested from the start") }
        }
        do { try sale.with(self).validateGate() } catch { throw bad("is not valid: \(error.detail)") }
    }
}

extension SaleConfig.Sale {
    /// Checks the rules that differ from the sale's own.
    ///
    /// - Throws: ``Problem``: `invalid_config`, `contested_lot`, `unknown_unit`, `unknown_region`, `variants_overlap`,
    ///   `gates_serve_regions` or `rules_differ`.
    package func validateDifferentRules(_ config: SaleConfig, namesMayBeUnknown: Bool) throws(Problem) {
        if let staged {
            guard self.variants?.isEmpty ?? true else {
                throw Problem(
                    status: 409, code: "rules_differ",
                    detail: "sale \(self.id) has variants, so its units could not be compared: end them first, or "
                        + "give the new rules to a variant")
            }
            try staged.validate(self, config)
        }
        let variants = self.variants ?? []
        guard variants.count <= Limits.variants else {
            throw .invalidConfig("sale \(self.id): \(variants.count) variants, at most \(Limits.variants)")
        }
        guard Set(variants.map(\.name)).count == variants.count else {
            throw .invalidConfig("sale \(self.id): two variants share a name")
        }
        for variant in variants {
            try variant.validate(self)
            if !namesMayBeUnknown { try variant.checkNames(self, config) }
        }
        for unit in config.units {
            let names = variants.filter {
                $0.units?.contains(unit.name) == true || $0.regions?.contains(unit.region) == true
            }.map(\.name)
            guard names.count <= 1 else {
                throw Problem(
                    status: 422, code: "variants_overlap",
                    detail: "sale \(self.id): unit \(unit.name) is in the variants \(names.joined(separator: " and "))")
            }
        }
        for lot in self.lots {
            let lines = [lot.policy] + variants.compactMap { $0.rules.lines?[lot.id.description] }
            let waiting = Set(lines.filter(\.needsEntry))
            guard waiting.count <= 1 else {
                let names = waiting.map(\.rawValue).sorted().joined(separator: ", ")
                throw .invalidConfig(
                    "sale \(self.id): lot \(lot.id) has the lines \(names): one line serves all regions, so others "
                        + "can only have none (\"open\")")
            }
        }
    }
}

extension SaleConfig.Variant {
    fileprivate func validate(_ sale: SaleConfig.Sale) throws(Problem) {
        let isPlain = self.name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "-")
        }
        guard isPlain, (1...32).contains(self.name.utf8.count) else {
            throw .invalidConfig(
                "sale \(sale.id): the variant's name \"\(self.name.prefix(64))\" is not 1 to 32 small letters, "
                    + "digits and dashes")
        }
        let (units, regions) = (self.units ?? [], self.regions ?? [])
        guard units.isEmpty != regions.isEmpty, units.count + regions.count <= Limits.units else {
            throw .invalidConfig(
                "sale \(sale.id): variant \(self.name) has \(units.count) units and \(regions.count) regions: give "
                    + "either units or regions, at most \(Limits.units)")
        }
        guard units.isEmpty || !self.rules.touchesGates else {
            throw Problem(
                status: 422, code: "gates_serve_regions",
                detail: "sale \(sale.id): variant \(self.name) is of units, but a gate serves the buyers of all "
                    + "units of its region: give regions, or change limits and gate.switches.events only")
        }
        try self.rules.validate(sale, "variant \(self.name)")
    }

    fileprivate func checkNames(_ sale: SaleConfig.Sale, _ config: SaleConfig) throws(Problem) {
        func unknown(_ kind: String, _ name: String, _ known: [String]) -> Problem {
            Problem(
                status: 422, code: "unknown_\(kind)",
                detail: "sale \(sale.id): variant \(self.name) names the \(kind) \"\(name.prefix(64))\", but there "
                    + "is none; known: "
                    + Set(known).sorted().prefix(20).joined(separator: ", "))
        }
        for name in self.units ?? [] where config.unit(named: name) == nil {
            throw unknown("unit", name, config.units.map(\.name))
        }
        for name in self.regions ?? [] where !config.units.contains(where: { $0.region == name }) {
            throw unknown("region", name, config.units.map(\.region))
        }
    }
}

extension SaleConfig.Staged {
    fileprivate func validate(_ sale: SaleConfig.Sale, _ config: SaleConfig) throws(Problem) {
        guard self.rules.lines?.isEmpty ?? true else {
            throw .invalidConfig(
                "sale \(sale.id): the rollout changes lines, which are fixed after the draft: buyers wait in them")
        }
        try self.rules.validate(sale, "the rollout")
        try self.terms.validate(sale.id)
        guard config.unit(named: self.unit) != nil || sale.state == .settled else {
            throw Problem(
                status: 422, code: "unknown_unit",
                detail: "sale \(sale.id): the rollout begins with the unit \"\(self.unit.prefix(64))\", but there "
                    + "is none; known: "
                    + config.units.map(\.name).sorted().prefix(20).joined(separator: ", "))
        }
    }
}

extension RolloutTerms {
    fileprivate func validate(_ sale: String) throws(Problem) {
        func check<Value: FixedWidthInteger>(
            _ name: String, _ value: Value?, _ limits: ClosedRange<Value>
        ) throws(Problem) {
            guard let value, !limits.contains(value) else { return }
            throw .invalidConfig("sale \(sale): \(name) \(value) of the rollout is not in \(limits)")
        }
        try check("watchMilliseconds", self.watchMilliseconds, Self.watchLimits)
        try check("risePermille", self.risePermille, Self.riseLimits)
        try check("latencyPercent", self.latencyPercent, Self.latencyLimits)
        try check("leastAnswers", self.leastAnswers, Self.leastLimits)
    }
}
