/// How far one connection has come with its present request, and whether it takes too long.
///
/// Deadlines count from a request's first byte and not from the last byte, so that nobody can hold a connection by sending a
/// byte now and then. Sans-IO: moments come in, in microseconds of a clock that never steps.
package struct RequestWatch: Sendable {
    package enum Overdue: Hashable, Sendable { case idle, head, body, unsent, leaving }

    private let bytesLimit: Int
    /// Bytes since the last whole request.
    private var bytes = 0
    /// When the first byte of a request came that is not whole yet.
    private var partSince: Int64?
    private var hasHead = false
    /// Whole requests that have not been answered; -1 when the present one was, before it is whole.
    private var unanswered = 0
    private var idleSince: Int64
    /// When answers began to wait for a reader that does not take them.
    private var unsentSince: Int64?
    /// When the last answer was sent.
    private var leavingSince: Int64?

    /// - Parameter bytesLimit: Bytes that may come without a request becoming whole.
    package init(bytesLimit: Int, now: Int64) {
        self.bytesLimit = bytesLimit
        self.idleSince = now
    }

    /// Bytes have come.
    package mutating func received(_ count: Int, now: Int64) {
        if self.partSince == nil { self.partSince = now }
        self.bytes += count
    }

    /// More has come than one request may have. Asked when all that came has been decoded: one piece may hold many requests.
    package var isTooLong: Bool { self.bytes > self.bytesLimit }

    package mutating func headEnded() { self.hasHead = true }

    /// A request is whole, and waits for its answer.
    package mutating func requestEnded() {
        self.unanswered += 1
        // Nothing is left to say where the answer came before the end of the body.
        if self.unanswered == 0 { self.idleSince = self.partSince ?? self.idleSince }
        (self.bytes, self.partSince, self.hasHead) = (0, nil, false)
    }

    /// A request was answered, perhaps before it was whole.
    package mutating func answered(now: Int64) {
        self.unanswered -= 1
        if self.unanswered == 0 { self.idleSince = now }
    }

    /// Whether answers wait for a reader that does not take them.
    package mutating func setUnsent(_ isUnsent: Bool, now: Int64) {
        self.unsentSince = isUnsent ? self.unsentSince ?? now : nil
    }

    /// The last answer has been sent: the other side should close.
    package mutating func leave(now: Int64) { self.leavingSince = self.leavingSince ?? now }

    /// Since when nothing is asked and nothing is answered; `nil` for a connection that is used.
    package var idle: Int64? {
        self.partSince == nil && self.unanswered == 0 && self.unsentSince == nil && self.leavingSince == nil
            ? self.idleSince : nil
    }

    /// Nobody waits for an answer to an earlier request, and the present one has none yet.
    package var isOnlyRequest: Bool { self.unanswered == 0 && self.leavingSince == nil }

    /// What has taken too long, if anything.
    package func overdue(now: Int64, isCrowded: Bool) -> Overdue? {
        if let since = self.leavingSince, now - since >= EdgeLimits.leavingMicroseconds { return .leaving }
        if let since = self.unsentSince, now - since >= EdgeLimits.unsentMicroseconds { return .unsent }
        if let since = self.partSince {
            if !self.hasHead, now - since >= EdgeLimits.headMicroseconds { return .head }
            if now - since >= EdgeLimits.bodyMicroseconds { return .body }
        }
        let idleLimit = isCrowded ? EdgeLimits.crowdedIdleMicroseconds : EdgeLimits.idleMicroseconds
        if let since = self.idle, now - since >= idleLimit { return .idle }
        return nil
    }
}
