import TrancheCore

/// The result of a submitted request.
enum Submission {
    /// The request waits for the engine: the answer comes later, to the ticket.
    case queued
    /// The answer was known at once.
    case answered(Answer)
}
