/// What the records of a crowd say about the gates, whatever the servers say.
package struct CrowdVerdict: Hashable, Sendable, Codable {
    package struct Check: Hashable, Sendable, Codable {
        package let name: String
        /// What was found, with the numbers.
        package let finding: String
        package let isGood: Bool
    }

    /// Of a thousand requests of scripts and of blocked buyers, so many must end before a unit's ledger.
    package static let endedPermille = 999
    /// Nobody wins what is not theirs. These hold in every sale.
    package let rights: [Check]
    /// Of the work of scripts and blocked buyers hardly anything comes to a ledger. It holds where a challenge stops
    /// scripts: one that wins an item as a person does writes it as a person does.
    package let work: Check

    package var checks: [Check] { self.rights + [self.work] }
    package var isGood: Bool { self.checks.allSatisfy(\.isGood) }
    package var isRight: Bool { self.rights.allSatisfy(\.isGood) }

    package init(_ report: LoadReport, buyerLimit: Int) {
        let nothing = VisitorKind.allCases.filter(\.mustWinNothing).map { kind in
            let items = report.figures(kind).items
            return Check(
                name: "a \(kind.rawValue) wins nothing",
                finding: "\(items) items in \(report.figures(kind).requests) requests", isGood: items == 0)
        }
        self.rights =
            nothing + [
                Check(
                    name: "no identity has more than \(buyerLimit) at one moment",
                    finding: "at most \(report.mostItemsOfOne)", isGood: report.mostItemsOfOne <= buyerLimit),
                Check(
                    name: "a double click gets one order",
                    finding: "\(report.splitClicks.count) of \(report.doubleClicks) got two"
                        + (report.splitClicks.first.map { ", as \($0)" } ?? ""),
                    isGood: report.splitClicks.isEmpty),
            ]
        var both = report.figures(.script)
        both.add(report.figures(.blocked))
        let limit = both.requests * (1_000 - Self.endedPermille)
        self.work = Check(
            name: "99.9% of the requests of scripts and blocked buyers end before a unit's ledger",
            finding: "\(both.requestsAtLedgers) of \(both.requests) may be in one",
            isGood: both.requestsAtLedgers * 1_000 <= limit)
    }
}
