/// What a receiver has of a set of values, so that only what has changed is sent to it again.
///
/// The receiver names the number of the last message that it has. If that is the last one that was sent, the next message has the
/// changes since then; otherwise, after a lost message or at a new sender, it has everything. So each message that arrives makes
/// the receiver's set equal to the sender's.
package struct SentValues<Key: Hashable & Sendable, Value: Hashable & Sendable>: Sendable {
    package struct Message: Sendable {
        package let number: UInt64
        /// Whether `values` are all of them: the receiver forgets what it had.
        package let isWhole: Bool
        package let values: [Key: Value]
    }

    private var number: UInt64
    private var values: [Key: Value] = [:]

    /// - Parameter number: Below the numbers of this sender, and above those of earlier ones.
    package init(after number: UInt64) { self.number = number }

    /// The next message.
    ///
    /// - Parameters:
    ///   - values: All values of this moment.
    ///   - held: The number of the last message that the receiver has; `nil` if it has none.
    package mutating func send(_ values: [Key: Value], heldBy held: UInt64?) -> Message {
        // A value that is gone cannot be sent as a change.
        let isWhole = held != self.number || self.values.keys.contains { values[$0] == nil }
        let changed = isWhole ? values : values.filter { self.values[$0.key] != $0.value }
        self.number += 1
        self.values = values
        return Message(number: self.number, isWhole: isWhole, values: changed)
    }
}
