/// The progress of the present request on one connection, and whether it takes too long.
///
/// Deadlines count from a request's first byte and not from its last one. A client therefore cannot hold a connection
/// by sending one byte now and then. Sans-IO: times are arguments, in microseconds of a clock that never steps.
package struct RequestWatch: Sendable {
    package enum Overdue: Hashable, Sendable { case idle, head, body, unsent, leaving }

    private let bytesLimit: Int
    /// Bytes since the last complete request.
    private var bytes = 0
    /// When the first byte of the incomplete request arrived.
    private var partSince: Int64?
    private var hasHead = false
    /// Complete requests without an answer; -1 if the present request was answered before it was complete.
    private var unanswered = 0
    private var idleSince: Int64
    /// Since when answers wait because the client does not read them.
    private var unsentSince: Int64?
    /// When the last answer was sent.
    private var leavingSince: Int64?

    /// - Parameter bytesLimit: Maximum bytes that may arrive before a request is complete.
    package init(bytesLimit: Int, now: Int64) {
        self.bytesLimit = bytesLimit
        self.idleSince = now
    }

    /// Bytes have arrived.
    package mutating func received(_ count: Int, now: Int64) {
        if self.partSince == nil { self.partSince = now }
        self.bytes += count
    }

    /// Whether more bytes arrived than one request may have. Checked after decoding, because one read may contain many
    /// requests.
    package var isTooLong: Bool { self.bytes > self.bytesLimit }

    package mutating func headEnded() { self.hasHead = true }

    /// A request is complete, and waits for its answer.
    package mutating func requestEnded() {
        self.unanswered += 1
        // The answer was sent before the end of the body, so nothing waits.
        if self.unanswered == 0 { self.idleSince = self.partSince ?? self.idleSince }
        (self.bytes, self.partSince, self.hasHead) = (0, nil, false)
    }

    /// A request was answered, possibly before it was complete.
    package mutating func answered(now: Int64) {
        self.unanswered -= 1
        if self.unanswered == 0 { self.idleSince = now }
    }

    /// Records whether answers wait because the client does not read them.
    package mutating func setUnsent(_ isUnsent: Bool, now: Int64) {
        self.unsentSince = isUnsent ? self.unsentSince ?? now : nil
    }

    /// The last answer was sent, and the other side should close.
    package mutating func leave(now: Int64) { self.leavingSince = self.leavingSince ?? now }

    /// Since when the connection has no request; `nil` for a connection in use.
    package var idle: Int64? {
        self.partSince == nil && self.unanswered == 0 && self.unsentSince == nil && self.leavingSince == nil
            ? self.idleSince : nil
    }

    /// Whether all earlier requests were answered, and the present one was not.
    package var isOnlyRequest: Bool { self.unanswered == 0 && self.leavingSince == nil }

    /// The part that takes too long; `nil` if there is none.
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
