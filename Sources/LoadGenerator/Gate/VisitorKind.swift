/// How a visitor of the gates behaves.
package enum VisitorKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Reads the page, waits for the turn, answers as slowly as a person, buys and pays.
    case person
    /// A person who sends each request for a token twice at once.
    case doubleClicker
    /// A program without a page: one identity with many sessions, about a hundred times a person's requests, no pauses.
    case script
    /// A buyer whom operators have blocked, with a session, a ticket and a token from before.
    case blocked
    /// Sends sessions, tickets, answers and tokens that are invented, put together, or changed by one bit.
    case forger
    /// Sends what belongs to another buyer, or was spent, or has expired.
    case replayer

    /// Nobody of this kind may ever get an item.
    package var mustWinNothing: Bool { self == .blocked || self == .forger || self == .replayer }
    package var buysLikeAPerson: Bool { self == .person || self == .doubleClicker }
}

/// Of 100 visitors, how many are of each kind; the rest are people.
package struct VisitorShares: Hashable, Sendable, Codable {
    package var doubleClickers = 0
    package var scripts = 0
    package var blocked = 0
    package var forgers = 0
    package var replayers = 0

    package init(doubleClickers: Int = 0, scripts: Int = 0, blocked: Int = 0, forgers: Int = 0, replayers: Int = 0) {
        (self.doubleClickers, self.scripts, self.blocked) = (doubleClickers, scripts, blocked)
        (self.forgers, self.replayers) = (forgers, replayers)
    }

    private var parts: [(VisitorKind, Int)] {
        [
            (.doubleClicker, self.doubleClickers), (.script, self.scripts), (.blocked, self.blocked),
            (.forger, self.forgers), (.replayer, self.replayers),
        ]
    }
    /// Of 100 visitors, those who are not plain people.
    package var others: Int { self.parts.reduce(0) { $0 + $1.1 } }

    /// - Parameter pick: A number in `0..<100`, drawn for the visitor.
    package func kind(of pick: Int) -> VisitorKind {
        var left = pick
        for (kind, share) in self.parts {
            if left < share { return kind }
            left -= share
        }
        return .person
    }
}
