import Foundation
import TrancheAPI
import TrancheCore

/// The report for a person: one page of HTML that loads nothing and has no script.
struct ExportReport {
    let sale: SaleConfig.Sale
    let units: [SaleConfig.Unit]
    /// The units that have a ledger, by the names of their folders.
    let names: [(unit: UnitID, name: String)]
    let totals: PostingTotals
    let read: [SaleExport.Read]
    let fairness: [FairnessReport]
    /// `nil` of a sale whose rules were the same everywhere.
    let variants: VariantResults?

    var lines: [String] {
        var lines = [
            "<!doctype html>", "<html lang=\"en\">", "<meta charset=\"utf-8\">",
            "<title>Sale \(Self.escaped(self.sale.id))</title>",
            "<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
                + "table{border-collapse:collapse;margin:1em 0}th,td{padding:.2em .8em;border-bottom:1px solid #999;"
                + "text-align:right}th:first-child,td:first-child{text-align:left}"
                + ".note{border-left:4px solid #c60;padding-left:1em}</style>",
            "<h1>\(Self.escaped(self.sale.name))</h1>",
            "<p>Sale \(Self.escaped(self.sale.id)), \(self.sale.state.rawValue).</p>",
        ]
        if self.sale.state != .settled {
            lines.append(
                "<p class=\"note\">Preliminary: the sale is not settled, and every figure may still change.</p>")
        }
        lines += self.times
        for lot in self.sale.lots { lines += self.section(lot) }
        if let variants { lines += Self.section(variants) }
        for fairness in self.fairness { lines += Self.section(fairness) }
        lines.append(
            "<p>Counted in items; orders have no price here. Every figure follows from the postings beside this page"
                + (self.variants == nil ? "" : ", except for those of rules that differed") + ".</p>"
        )
        return lines + ["</html>"]
    }

    private var times: [String] {
        let first = self.read.compactMap(\.first).min()
        let last = self.read.compactMap(\.last).max()
        let rows = [
            ["opening", JSON.text(Instant(milliseconds: self.sale.startsAtMilliseconds))],
            ["end at the latest", JSON.text(Instant(milliseconds: self.sale.endsAtMilliseconds))],
            ["first order", first.map(JSON.text) ?? "none"], ["last order", last.map(JSON.text) ?? "none"],
            ["time to pay", "\(self.sale.paymentWindowMilliseconds / 1_000) s"],
        ]
        return Self.table(["time", "UTC"], rows)
    }

    private func section(_ lot: SaleConfig.Lot) -> [String] {
        let (id, figures) = (lot.id, PostingFigures(self.totals, lot.id))
        var lines = ["<h2>Lot \(id): \(Self.escaped(lot.name))</h2>"]
        lines += Self.table(
            ["issued", "paid", "held", "owed", "settled", "unsold", "carried", "stranded", "refunds due"],
            [
                [
                    figures.issued, figures.paid, figures.held, figures.owed, figures.settled,
                    figures.pool + figures.available, figures.carried,
                    figures.stranded, self.totals.quantity(id, .refundDue),
                ].map(String.init)
            ])
        let ids = Set(self.totals.units(id)).union(self.read.filter { $0.refusals[id] != nil }.map(\.unit)).sorted()
        let rows = ids.map { unit -> [String] in
            func sum(_ kind: Posting.Kind) -> String { String(self.totals.quantity(id, kind, unit: unit)) }
            let refusals = self.read.filter { $0.unit == unit }.reduce(0) { $0 + ($1.refusals[id] ?? 0) }
            return [
                self.name(unit), self.units.first { $0.id == unit }?.region ?? "",
                String(self.totals.balance(id, .paid(unit))), String(self.totals.balance(id, .held(unit))),
                sum(.expired), sum(.cancelled), sum(.won), sum(.refundDue), String(refusals),
            ]
        }
        lines += Self.table(
            ["unit", "region", "paid", "held", "expired", "cancelled", "won in a contest", "refunds due", "refusals"],
            rows)
        lines.append(
            "<p>Expired and cancelled items were sold again, or are unsold. Refusals are those that a ledger keeps: a "
                + "buyer's limit was reached. Nothing counts how often a buyer was told that the lot is sold out.</p>")
        return lines
    }

    private static func section(_ fairness: FairnessReport) -> [String] {
        func text(_ value: Double) -> String { String(format: "%.2f", value) }
        return [
            "<h2>The contest of lot \(fairness.lot)</h2>",
            "<p>\(fairness.passed) requests were contested, and \(fairness.won) won the stock that was left. "
                + "\(fairness.misallocated) winners (\(text(fairness.misallocationPercent)) %) are not those that came "
                + "first by stamp; the worst error of a region's share is \(text(fairness.shareErrorPoints)) points. "
                + "Half of the decisions took up to \(text(fairness.holdMillisecondsP50)) ms, and 99 % up to "
                + "\(text(fairness.holdMillisecondsP99)) ms.</p>",
        ]
            + self.table(
                ["unit", "contested", "first by stamp", "won", "late"],
                fairness.regions.map { [$0.name] + [$0.contested, $0.first, $0.won, $0.late].map(String.init) })
    }

    private func name(_ unit: UnitID) -> String {
        self.names.first { $0.unit == unit }?.name ?? self.units.first { $0.id == unit }?.name ?? "unit \(unit)"
    }

    static func table(_ header: [String], _ rows: [[String]]) -> [String] {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(self.escaped($0))</\(tag)>" }.joined() + "</tr>"
        }
        return ["<table>", row(header, "th")] + rows.map { row($0, "td") } + ["</table>"]
    }

    /// A name of a sale is an operator's text, and may be anything.
    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where character.isNewline: escaped += " "
            default: escaped.append(character)
            }
        }
    }
}
