import TrancheAPI
import TrancheCore

/// The results of a sale whose rules differed on purpose, side by side: what ledgers have, and what was counted while
/// it was open.
struct VariantResults {
    struct Row: Equatable {
        let name: String
        let units: [String]
        var buyers = 0
        var orders = 0
        /// Items.
        var paid = 0
        /// `nil` if no unit of the variant was counted.
        var figures: PurchaseFigures?
        /// Of the gates of its regions; `nil` if a gate's rules are not its own, or nothing was counted.
        var gates: PurchaseFigures?
    }
    let rows: [Row]
    let results: SaleConfig.Results?
    /// Whether the rules were other ones at some time after the opening, or the same for all in the end.
    let notes: [String]

    /// - Parameter earlier: The versions of the sale after its opening.
    init?(
        _ sale: SaleConfig.Sale, _ config: SaleConfig, names: [(unit: UnitID, name: String)], _ read: [SaleExport.Read],
        _ totals: PostingTotals, earlier: [SaleConfig.Sale]
    ) {
        guard let variants = sale.variants, !variants.isEmpty else { return nil }
        // Whose rules they were while there were some.
        var differing = sale
        differing.rulesAlike = nil
        var byName: [String: (units: [String], read: [SaleExport.Read], paid: Int)] = [:]
        for read in read {
            let unit = config.unit(read.unit)
            let variant = unit.flatMap { config.variant(of: differing, at: $0) }?.name ?? ""
            var row = byName[variant] ?? ([], [], 0)
            row.units.append(unit?.name ?? names.first { $0.unit == read.unit }?.name ?? "unit \(read.unit)")
            row.read.append(read)
            row.paid += sale.lots.reduce(0) { $0 + totals.balance($1.id, .paid(read.unit)) }
            byName[variant] = row
        }
        let results = sale.results
        self.results = results
        // The sale's own rules come first.
        self.rows = ([""] + variants.map(\.name)).compactMap { name in
            guard let row = byName[name] else { return nil }
            let counted = row.units.compactMap { results?.units[$0] }
            return Row(
                name: name.isEmpty ? "the sale's own rules" : name, units: row.units.sorted(),
                buyers: row.read.reduce(0) { $0 + ($1.buyers ?? 0) }, orders: row.read.reduce(0) { $0 + $1.orders },
                paid: row.paid, figures: counted.isEmpty ? nil : counted.reduce(PurchaseFigures(), +),
                gates: Self.gates(of: name, variants, results?.gates))
        }
        self.notes = Self.notes(sale, earlier)
    }

    private static func gates(
        of name: String, _ variants: [SaleConfig.Variant], _ counted: [String: PurchaseFigures]?
    ) -> PurchaseFigures? {
        let taken = Set(variants.flatMap { $0.regions ?? [] })
        let own = Set(variants.first { $0.name == name }?.regions ?? [])
        guard let counted, name.isEmpty || !own.isEmpty else { return nil }
        let regions = counted.filter { name.isEmpty ? !taken.contains($0.key) : own.contains($0.key) }
        return regions.isEmpty ? nil : regions.values.reduce(PurchaseFigures(), +)
    }

    private static func notes(_ sale: SaleConfig.Sale, _ earlier: [SaleConfig.Sale]) -> [String] {
        var notes: [String] = []
        if earlier.contains(where: { $0.variants != sale.variants }) {
            notes.append(
                "The variants were changed while the sale was open: figures from before the change are "
                    + "with the last ones.")
        }
        if sale.rulesAlike == true {
            notes.append("A lot was contested: from then on every unit had the sale's own rules.")
        }
        if let others = sale.results?.others {
            notes.append(
                "Other sales were open at the same units (\(others.joined(separator: ", "))): purchases, refusals "
                    + "and times are of all of them; orders, buyers and paid items are of this sale.")
        }
        if sale.results == nil {
            notes.append(
                "Purchases, refusals and times were not counted: the center that closed the sale had no "
                    + "figures.")
        }
        return notes
    }
}

extension ExportReport {
    static func section(_ variants: VariantResults) -> [String] {
        func milliseconds(_ value: Int64?) -> String { value.map { "\($0 / 1_000).\($0 % 1_000 / 100) ms" } ?? "" }
        let rows = variants.rows.map { row -> [String] in
            let figures = row.figures
            func refused(_ figures: PurchaseFigures?) -> String {
                (figures?.refused ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                    .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            }
            return [
                row.name, row.units.joined(separator: ", "), String(row.buyers), String(row.orders), String(row.paid),
                figures.map { String($0.answered) } ?? "not counted",
                refused(figures),
                milliseconds(figures?.microseconds(permille: 500)), milliseconds(figures?.microseconds(permille: 990)),
                row.gates.map { String($0.tokens) } ?? "",
                refused(row.gates),
            ]
        }
        var lines = ["<h2>Rules that differed, side by side</h2>"]
        lines += self.table(
            [
                "variant", "units", "buyers", "orders", "items paid", "purchases answered", "refused", "half within",
                "99 % within", "tokens at gates", "refused at gates",
            ], rows)
        let span = variants.results.map {
            "Purchases, refusals and times were counted by the units from "
                + "\(JSON.text(Instant(milliseconds: $0.sinceMilliseconds))) to "
                + "\(JSON.text(Instant(milliseconds: $0.untilMilliseconds))); times are those of purchases that got "
                + "an order."
        }
        for text in [span].compactMap({ $0 }) + variants.notes { lines.append("<p>\(self.escaped(text))</p>") }
        return lines
    }
}
