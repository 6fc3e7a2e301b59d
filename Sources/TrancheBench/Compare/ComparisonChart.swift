import Foundation
import Terminal

/// Draws the orders per second of all contenders: a bar for 64 connections, and one for 256.
enum ComparisonChart {
    private static let (left, barHeight, gap, top, width) = (290.0, 17.0, 14.0, 84.0, 800.0)
    private static let labels = [
        "tranche": "Tranche", "A everysec": "nginx + Lua + Redis, everysec", "A always": "nginx + Lua + Redis, always",
        "A merged, always": "the same, one call for a batch", "B PostgreSQL hot row": "PostgreSQL, hot row",
        "C redis-benchmark": "Redis alone: no HTTP, no token",
    ]

    static func svg(_ report: ComparisonReport) -> String {
        let rows = report.rows.filter { row in
            row.workload == "orders" && !row.isOpenLoop && Comparison.connectionCounts.contains(row.connections)
        }
        let most = max(1, rows.map(\.perSecond).max() ?? 1)
        var names: [String] = []
        for row in rows where !names.contains(row.contender) { names.append(row.contender) }
        var (parts, y): ([String], Double) = ([], self.top)
        for name in names {
            let mine = rows.filter { $0.contender == name }.sorted { $0.connections < $1.connections }
            let middle = y + Double(mine.count) * (self.barHeight + 2) / 2 + 4
            parts.append(self.text(self.left - 12, middle, self.labels[name] ?? name, anchor: "end"))
            for row in mine {
                let length = row.perSecond / most * (self.width - self.left - 190)
                parts.append(self.bar(y, length, self.colour(row)))
                let figure = "\(Output.number(Int(row.perSecond)))  (\(row.connections) connections)"
                parts.append(self.text(self.left + length + 8, y + 13, figure, size: 12))
                y += self.barHeight + 2
            }
            y += self.gap
        }
        let title = "Orders per second on two processors, which the generator shares"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(self.width)) \(Int(y + 6))" \
            font-family="system-ui, sans-serif">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(self.text(20, 28, title, size: 17))
            \(self.text(20, 50, "green and grey: on disk before the answer; sand: on disk within a second", size: 13))
            \(parts.joined(separator: "\n"))
            </svg>

            """
    }

    private static func colour(_ row: ComparisonReport.Row) -> String {
        if row.contender == "tranche" { return "#1b7f5c" }
        return row.durability.contains("once a second") ? "#d9c7a3" : "#9aa5b1"
    }

    private static func bar(_ y: Double, _ length: Double, _ colour: String) -> String {
        String(
            format: "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" fill=\"%@\"/>", self.left, y, length,
            self.barHeight, colour)
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, size: Int = 14, anchor: String = "start")
        -> String
    {
        String(
            format: "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%@\" fill=\"#1f2933\">%@</text>", x, y,
            size,
            anchor, text)
    }
}
