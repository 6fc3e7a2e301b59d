/// How a lot orders the entries of its buyers. The raw values are the names in documents and commands.
package enum LinePolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nobody waits, and no entry is needed.
    case open = "open"
    /// In the order of arrival.
    case firstCome = "first-come"
    /// In an order that is drawn among those who enter before the opening. Later entries are refused.
    case lottery = "lottery"
    /// Those who enter before the opening are drawn; those who come later follow in the order of arrival.
    case lotteryThenFirstCome = "lottery-then-first-come"

    /// The names, for messages.
    package static var rule: String { Self.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") }

    /// Whether entries before the opening are drawn.
    package var isDrawn: Bool {
        switch self {
        case .open, .firstCome: false
        case .lottery, .lotteryThenFirstCome: true
        }
    }

    package var needsEntry: Bool { self != .open }
}
