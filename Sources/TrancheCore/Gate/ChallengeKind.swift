/// What a challenge asks of a buyer.
package enum ChallengeKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// The browser works for a moment.
    case work
    /// A person reads a picture, or answers to a captcha provider.
    case question
    /// The buyer waits. It needs no script and no eyes; a program can wait as well as a person.
    case clock
}

/// What a sale accepts, by the kind that its rules ask for.
package enum ChallengeOffer {
    /// A question has the other kinds beside it: who cannot read a picture must be able to buy.
    ///
    /// - Parameters:
    ///   - wanted: `nil` if the sale sets no challenge.
    ///   - clockMilliseconds: 0 if a sale does without the clock.
    package static func kinds(_ wanted: ChallengeKind?, clockMilliseconds: Int64) -> Set<ChallengeKind> {
        let others: Set<ChallengeKind> = clockMilliseconds > 0 ? [.clock] : []
        return switch wanted {
        case nil: []
        case .work: others.union([.work])
        case .question: others.union([.question, .work])
        case .clock: others
        }
    }

    /// How many levels harder the work is that stands in for a question: otherwise nobody would read one.
    package static let workLevelsBesideQuestion = 3
}
