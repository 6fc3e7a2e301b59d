import Foundation
package import Storage
import TrancheAPI
package import TrancheCore

/// Judges a sale from its files alone: every ledger, the authority log, the configuration. No process takes part.
package struct Verifier {
    let units: [UnitEvidence]
    let lost: [UnitID: LostLedgers]
    let records: [AuthorityRecord]
    let witnesses: [UnitID: LedgerHead]
    let authority: AuthorityEvidence
    let configs: [AuthorityStore.ConfigVersion]
    let unitConfigs: [(name: String, push: ConfigPush?)]
    let acknowledged: [OrderID]?
    let paid: [OrderID]
    let config: SaleConfig

    /// - Parameters:
    ///   - folder: The data folder: `center/` and `units/NAME/`.
    ///   - authority: The state of centers that share a server, in place of the file in `center/`.
    ///   - acknowledged: Acknowledged orders, by the buyers' own list.
    ///   - paid: Orders whose payment was taken, by the payment provider's own list.
    /// - Throws: ``StorageError`` if a file cannot be read at all.
    package init(
        folder: String, authority: (any AuthorityStorage)? = nil, acknowledged: [OrderID]? = nil, paid: [OrderID] = []
    ) throws(StorageError) {
        let store: any AuthorityStorage
        if let authority {
            store = authority
        } else {
            store = try AuthorityStore(reading: folder + "/center/authority.sqlite")
        }
        self.records = try store.log()
        self.witnesses = try store.witnesses()
        self.authority = AuthorityEvidence(self.records)
        self.configs = try store.configVersions(limit: 100_000).reversed()
        self.config = self.configs.last.flatMap { try? JSON.decode(SaleConfig.self, from: $0.content) } ?? SaleConfig()
        var (units, pushes): ([UnitEvidence], [(String, ConfigPush?)]) = ([], [])
        var lost: [UnitID: LostLedgers] = [:]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/units").sorted()) ?? []
        for name in names {
            let unitFolder = "\(folder)/units/\(name)"
            guard let location = try LedgerLocation.inUse(in: unitFolder) else { continue }
            let unit = UnitEvidence(
                name: name,
                audit: try LedgerAudit(
                    location, archives: LotArchive.folder(of: unitFolder + "/" + LedgerLocation.fileName)))
            units.append(unit)
            lost[unit.audit.unit] = try LostLedgers(unitFolder: "\(folder)/units/\(name)", current: unit)
            let bytes = FileManager.default.contents(atPath: "\(folder)/units/\(name)/config.json")
            pushes.append((name, bytes.flatMap { try? JSON.decode(ConfigPush.self, from: $0) }))
        }
        self.units = units
        self.lost = lost
        self.unitConfigs = pushes
        self.acknowledged = acknowledged
        self.paid = paid
    }

    package func report() -> VerifyReport {
        var report = VerifyReport()
        report.lots = self.authority.lots.keys.sorted().map(self.lot)
        report.units = self.units.flatMap { unit in self.authority.lots.keys.sorted().map { self.unitLot(unit, $0) } }
        report.refunds = self.units.flatMap(\.refunds)
        report.checks = [
            self.conservation(report.lots),
            self.units(
                "I2", "a unit never sells or returns more than it was granted",
                figures: report.units.map {
                    "\($0.name) \($0.paid + $0.held) of \($0.granted + $0.allocated - $0.returned)"
                }.joined(
                    separator: ", "),
                extra: self.grants()),
            self.promises(report.lots), self.kept(),
            self.units(
                "I5", "one order id has one outcome",
                figures:
                    "\(self.units.reduce(0) { $0 + $1.orders.count }) orders, \(self.units.reduce(0) { $0 + $1.refused.count }) refusals on record",
                extra: self.doubled()),
            self.units(
                "I6", "counters, versions and epochs never go down", figures: "\(self.records.count) records",
                extra: self.authority.fallen + self.fallenEpochs()),
            self.units(
                "I7", "only the highest epoch and the newest incarnation write",
                figures: "epoch \(self.authority.epoch)",
                extra: self.authority.outOfTurn),
            self.units(
                "I8", "stamps are below the durable ceiling and never repeat",
                figures: "\(self.units.reduce(0) { $0 + $1.orders.count }) stamps", extra: []),
            self.checkContest("I9", "contested stock goes in order of (stamp, tie key)", extra: self.ties()),
            self.checkContest("I10", "stock that comes back goes down the waitlist, before newcomers", extra: []),
            self.configurations(), self.buyers(), self.money(),
            Self.check(
                "L1", "all stock is sold, sellable, or listed as stranded", self.unaccounted(report.lots),
                figures: self.figures(report.lots)),
            Self.notApplicable("L2", "every request gets an answer in bounded time", "not visible in files"),
        ]
        return report
    }

    private func money() -> VerifyReport.Check {
        let (due, done) = self.units.reduce((0, 0)) { ($0.0 + $1.money.due, $0.1 + $1.money.done) }
        return self.units(
            "I13", "what was paid for an order is its price, or is due back once",
            figures: "\(due) refunds due, \(done) of them done", extra: [])
    }

    // MARK: the checks

    static func check(_ invariant: String, _ statement: String, _ findings: [String], figures: String)
        -> VerifyReport.Check
    {
        .init(
            invariant: invariant, statement: statement, verdict: findings.isEmpty ? .holds : .broken, figures: figures,
            findings: findings)
    }

    static func notApplicable(_ invariant: String, _ statement: String, _ why: String) -> VerifyReport.Check {
        .init(invariant: invariant, statement: statement, verdict: .notApplicable, figures: why, findings: [])
    }

    func units(_ invariant: String, _ statement: String, figures: String, extra: [String]) -> VerifyReport.Check {
        Self.check(invariant, statement, self.units.flatMap { $0.findings[invariant] ?? [] } + extra, figures: figures)
    }

    private func conservation(_ lots: [VerifyReport.Lot]) -> VerifyReport.Check {
        let findings =
            self.authority.overdrawn.prefix(5)
            + self.authority.lots.keys.sorted().compactMap { lot -> String? in
                let state = self.authority.lots[lot]!
                return state.pool < 0 || state.accounts.values.contains { $0.returned > $0.granted + $0.allocated }
                    ? "lot \(lot): pool \(state.pool), accounts \(state.accounts.values.map { $0.granted + $0.allocated - $0.returned })"
                    : nil
            }
        let figures = lots.map {
            "lot \($0.lot): issued \($0.issued) = pool \($0.pool) + outstanding \($0.issued - $0.pool - $0.stranded - $0.allocated - $0.carried) + allocated \($0.allocated) + stranded \($0.stranded)"
                + ($0.carried > 0 ? " + carried \($0.carried)" : "")
        }
        return Self.check(
            "I1", "pool + outstanding + allocated + stranded + carried = issued", Array(findings) + self.earlyCarries(),
            figures: figures.joined(separator: "; "))
    }

    /// A unit cannot hold more than the authority granted, and the authority cannot count returns that no unit made.
    private func grants() -> [String] {
        self.units.flatMap { unit in
            unit.sums.sorted { $0.key.lot < $1.key.lot }.flatMap { account, sums -> [String] in
                let told = self.authority.account(account.lot, unit.audit.unit, account.generation)
                var findings: [String] = []
                if sums.granted > told.granted {
                    findings.append(
                        "\(unit.name): lot \(account.lot) has granted \(sums.granted), the log \(told.granted)")
                }
                if sums.allocated > told.allocated {
                    findings.append(
                        "\(unit.name): lot \(account.lot) allocated \(sums.allocated), the log \(told.allocated)")
                }
                if told.returned > sums.returned, !told.isSettled {
                    findings.append(
                        "\(unit.name): lot \(account.lot) returned \(sums.returned), the log \(told.returned)")
                }
                return findings
            }
        }
    }

    private func promises(_ lots: [VerifyReport.Lot]) -> VerifyReport.Check {
        let findings = lots.filter { $0.oversold > 0 }.map {
            "lot \($0.lot): \($0.promised) promised, \($0.issued) issued"
                + ($0.carried > 0 ? ", \($0.carried) carried away" : "")
        }
        let figures = lots.map { "lot \($0.lot): \($0.promised) of \($0.issued - $0.carried)" }.joined(separator: ", ")
        return Self.check("I3", "no more is promised than was issued", findings, figures: figures)
    }

    private func kept() -> VerifyReport.Check {
        var findings = self.units.flatMap { $0.findings["I4"] ?? [] }
        let present = Set(self.units.map(\.audit.unit))
        for unit in self.authority.units.subtracting(present).sorted() {
            findings.append("unit \(unit) is in the log, and its ledger is missing")
        }
        for unit in self.units {
            guard let witness = self.witnesses[unit.audit.unit] else { continue }
            if !unit.audit.commits.contains(where: { $0.proves(witness) }) {
                findings.append(
                    "\(unit.name): the ledger does not hold position \(witness.position) as the center saw it")
            }
        }
        var figures = "\(self.units.reduce(0) { $0 + $1.audit.commits.count }) commits in the hash chains"
        if let acknowledged {
            let inUse = self.units.reduce(into: Set<OrderID>()) { $0.formUnion($1.orders.keys) }
            let known = self.lost.values.reduce(into: inUse) { $0.formUnion($1.known) }
            let lost = acknowledged.filter { !known.contains($0) }
            figures += ", \(acknowledged.count) acknowledged to buyers, \(lost.count) lost"
            let beside = acknowledged.count { !inUse.contains($0) } - lost.count
            if beside > 0 { figures += ", \(beside) known only to ledgers that were replaced" }
            findings += lost.prefix(5).map { "order \($0) was acknowledged and is in no ledger" }
            findings += self.lostPayments().prefix(5)
        }
        return Self.check("I4", "an acknowledged order is in the ledger for ever", findings, figures: figures)
    }

    /// A buyer who paid has the item, or a lost ledger owes it.
    private func lostPayments() -> [String] {
        var kept = self.lost.values.reduce(into: Set<OrderID>()) { $0.formUnion($1.paid) }
        for unit in self.units { for (id, sold) in unit.orders where sold.state == .paid { kept.insert(id) } }
        return self.paid.filter { !kept.contains($0) }.map { "order \($0) was paid for, and no ledger knows that" }
    }

    private func doubled() -> [String] {
        var seen: [OrderID: String] = [:]
        var findings: [String] = []
        for unit in self.units {
            for order in unit.orders.keys {
                if let other = seen[order] { findings.append("order \(order) is in \(other) and in \(unit.name)") }
                seen[order] = unit.name
            }
        }
        return Array(findings.prefix(5))
    }

    /// The highest limit of each lot while it could be sold. A lowered limit applies to later orders only, and the
    /// limit of a draft to none.
    private func limits() -> [LotID: Int] {
        self.configs.reduce(into: [:]) { limits, version in
            guard let config = try? JSON.decode(SaleConfig.self, from: version.content) else { return }
            for sale in config.sales where sale.state != .draft {
                for lot in sale.lots { limits[lot.id] = max(limits[lot.id] ?? 0, sale.highestLimit(of: lot)) }
            }
        }
    }

    private func buyers() -> VerifyReport.Check {
        var (findings, most, count) = (self.units.flatMap { $0.findings["I12"] ?? [] }, 0, 0)
        findings += self.foreignBranches()
        let limits = self.limits()
        for lot in self.config.sales.flatMap(\.lots) {
            let limit = limits[lot.id] ?? lot.perBuyerLimit
            var held: [BuyerID: Int] = [:]
            for unit in self.units { held.merge(unit.held[lot.id] ?? [:], uniquingKeysWith: +) }
            for (buyer, quantity) in held where quantity > limit {
                findings.append("buyer \(buyer) holds \(quantity) of lot \(lot.id), the limit is \(limit)")
            }
            most = max(most, held.values.max() ?? 0)
            count += held.count
        }
        return Self.check(
            "I12", "no buyer holds more than the limit, over all regions", Array(findings.prefix(5)),
            figures: "\(count) buyers, \(most) at most")
    }
}
