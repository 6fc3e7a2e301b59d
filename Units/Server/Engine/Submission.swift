import TrancheCore

/// What the intake made of a question.
enum Submission {
    /// The engine has it: the answer comes later, to the ticket.
    case queued
    /// The answer was known at once.
    case answered(Answer)
}
