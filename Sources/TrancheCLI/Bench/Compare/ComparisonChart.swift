import Foundation

/// Draws durable orders per second beside the peers: one bar each, at 64 connections.
enum ComparisonChart {
    private static let (left, barHeight, gap, width) = (250.0, 26.0, 12.0, 760.0)

    static func svg(_ report: ComparisonReport) -> String {
        let rows = report.rows.filter { $0.workload == "orders" && !$0.isOpenLoop && $0.connections == 64 }
        let most = max(1, rows.map(\.perSecond).max() ?? 1)
        var parts: [String] = []
        for (place, row) in rows.enumerated() {
            let y = 64 + Double(place) * (self.barHeight + self.gap)
            let length = row.perSecond / most * (self.width - self.left - 110)
            let isDurable = !row.durability.contains("once a second")
            let colour = row.contender == "tranche" ? "#1b7f5c" : isDurable ? "#9aa5b1" : "#d9c7a3"
            parts.append(
                String(
                    format: "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" fill=\"%@\"/>", self.left, y,
                    length, self.barHeight, colour))
            parts.append(self.text(self.left - 10, y + 18, row.contender, anchor: "end"))
            parts.append(self.text(self.left + length + 8, y + 18, Output.number(Int(row.perSecond)), anchor: "start"))
        }
        let height = 64 + Double(rows.count) * (self.barHeight + self.gap) + 40
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(self.width)) \(Int(height))" \
            font-family="system-ui, sans-serif">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(self.text(20, 28, "Orders per second, 64 connections, two processors with the generator on them", size: 16))
            \(self.text(20, 48, "green and grey: on disk before the answer; sand: on disk within a second", size: 12))
            \(parts.joined(separator: "\n"))
            </svg>

            """
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, size: Int = 14, anchor: String = "start")
        -> String
    {
        "<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" fill=\"#1f2933\">\(text)</text>"
    }
}
