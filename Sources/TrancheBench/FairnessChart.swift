import Foundation

/// Draws the winners by region: a bar for the first buyers, and one for each policy.
enum FairnessChart {
    private static let regions = [("us-east", "5 ms"), ("eu-west", "40 ms"), ("ap-south", "90 ms")]
    private static let colours = ["#9aa5b1", "#1b7f5c", "#c2571a"]
    private static let (width, height, bottom, top) = (720.0, 380.0, 300.0, 70.0)

    static func svg(_ result: FairnessResult) -> String {
        let series =
            [("who came first", result.policies[0].firstPercent)]
            + result.policies.map { policy in
                (
                    String(format: "by %@: %.1f %% wrong winners", policy.name, policy.misallocationPercent),
                    policy.wonPercent
                )
            }
        let most = max(40, series.flatMap(\.1.values).max() ?? 0) * 1.1
        var parts: [String] = []
        for (index, region) in self.regions.enumerated() {
            let left = 60 + Double(index) * 220
            for (number, one) in series.enumerated() {
                // The bursts by arrival have their own random demand, so the shares of the first buyers differ by one
                // or two points.
                let value = one.1[region.0] ?? 0
                let height = value / most * (self.bottom - self.top)
                let x = left + Double(number) * 60
                parts.append(self.bar(x, height, value, self.colours[number]))
            }
            parts.append(self.text(left + 86, self.bottom + 24, region.0, size: 15, anchor: "middle"))
            parts.append(
                self.text(left + 86, self.bottom + 44, "\(region.1) from the coordinator", size: 12, anchor: "middle"))
        }
        for (number, one) in series.enumerated() {
            let x = [30.0, 190, 450][number]
            parts.append("<rect x=\"\(x)\" y=\"44\" width=\"12\" height=\"12\" fill=\"\(self.colours[number])\"/>")
            parts.append(self.text(x + 18, 55, one.0, size: 13, anchor: "start"))
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(self.width)) \(Int(self.height))" \
            font-family="system-ui, sans-serif">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(self.text(30, 26, "Where the last items went, in percent of the winners", size: 17, anchor: "start"))
            <line x1="30" y1="\(self.bottom)" x2="\(self.width - 20)" y2="\(self.bottom)" stroke="#52606d"/>
            \(parts.joined(separator: "\n"))
            </svg>

            """
    }

    private static func bar(_ x: Double, _ height: Double, _ value: Double, _ colour: String) -> String {
        let y = self.bottom - height
        return String(
            format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"52\" height=\"%.1f\" fill=\"%@\"/>", x, y, height, colour)
            + self.text(x + 26, y - 6, String(format: "%.1f", value), size: 12, anchor: "middle")
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, size: Int, anchor: String) -> String {
        "<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" fill=\"#1f2933\">\(text)</text>"
    }
}
