/// Why a gate refuses a request. `TrancheAPI` maps it to HTTP, in one place.
package enum GateRefusal: Error, Hashable, Sendable {
    /// The identity, or the session, is missing, forged or over; the text says which.
    case badIdentity(String)
    /// The entry ticket is missing, forged, or of another lot or buyer; the text says which.
    case badTicket(String)
    /// The rank is above the threshold: the turn of the buyer comes later.
    case notAdmitted(retryAfterMilliseconds: Int)
    /// A rule is not fulfilled.
    case notEligible(rule: String)
    /// A list of blocked buyers or addresses, or too many fast answers.
    case blocked(until: Instant?)
    case notStarted(opensAt: Instant)
    case paused
    case ended
    /// The lottery took entries until the opening.
    case entryClosed(openedAt: Instant)
    case challengeRequired
    case challengeFailed
    /// The solution was used before.
    case challengeSpent
    /// A challenge of the kind `clock` was answered before its time: nothing was spent.
    case tooEarly(retryAfterMilliseconds: Int)
    /// Answered faster than a person can; the answer carries a challenge of this level.
    case tooFast(level: Int)
    /// After fast answers the work must be harder; the answer carries a challenge of this level.
    case tooEasy(level: Int)
    case soldOut
    case rateLimited(retryAfterMilliseconds: Int)
    /// The limit of one session, which is lower than its buyer's.
    case sessionLimited(retryAfterMilliseconds: Int)
    case overloaded(retryAfterMilliseconds: Int)
    case recovering(retryAfterMilliseconds: Int)

    /// The stable code of problem documents and figures.
    package var code: String {
        switch self {
        case .badIdentity: "bad_identity"
        case .badTicket: "bad_ticket"
        case .notAdmitted: "not_admitted"
        case .notEligible: "not_eligible"
        case .blocked: "blocked"
        case .notStarted: "not_started"
        case .paused: "paused"
        case .ended: "ended"
        case .entryClosed: "entry_closed"
        case .challengeRequired: "challenge_required"
        case .challengeFailed: "challenge_failed"
        case .challengeSpent: "challenge_spent"
        case .tooEarly: "too_early"
        case .tooFast: "too_fast"
        case .tooEasy: "too_easy"
        case .soldOut: "sold_out"
        case .rateLimited: "rate_limited"
        case .sessionLimited: "session_limited"
        case .overloaded: "overloaded"
        case .recovering: "recovering"
        }
    }

    /// When the same request may get another answer; `nil` if the caller has to do something else first, or nothing
    /// helps.
    package var retryAfterMilliseconds: Int? {
        switch self {
        case .notAdmitted(let wait), .tooEarly(let wait), .rateLimited(let wait), .sessionLimited(let wait),
            .overloaded(let wait),
            .recovering(let wait):
            wait
        case .badIdentity, .badTicket, .notEligible, .blocked, .notStarted, .paused, .ended, .entryClosed,
            .challengeRequired, .challengeFailed, .challengeSpent, .tooFast, .tooEasy, .soldOut:
            nil
        }
    }
}
