/// What a process does with the plain requests of one lane. Each lane has a desk of its own, and calls it on its thread.
///
/// The answer to a request is known at once, or after the turn's requests were handed in together, or when another thread
/// has posted it.
package protocol LaneDesk: AnyObject {
    /// Serves the request at the front of `bytes`, if it is whole and plain: begins it by
    /// ``Lane/beginRequest(_:keepsAlive:)``, and then writes its answer by ``Lane/writeAnswer(to:)``, or keeps its ticket.
    ///
    /// - Parameters:
    ///   - bytes: Gone after the call.
    ///   - slot: The connection.
    func serveFirst(of bytes: UnsafeRawBufferPointer, _ slot: Int, in lane: Lane) -> LaneRequest

    /// Whether requests wait for ``handIn(of:)``.
    var hasQuestions: Bool { get }

    /// Hands in every request of this turn. Each of them is answered, or waits from now on (``Lane/markWaiting(_:recovery:)``).
    func handIn(of lane: Lane)

    /// Answers what other threads have posted since the last turn.
    func deliverPosted(in lane: Lane)
}

package enum LaneRequest {
    /// More bytes must come.
    case incomplete
    /// The ordinary stack serves it, and all later requests of the connection.
    case other
    /// Its answer is on its way, or comes later.
    case served(length: Int)
}

/// The number under which a lane's connection, or a closure, waits for an answer.
///
/// It has the lane (8 bits, 0 for closures), the connection's slot in the lane (24 bits), and a count. The count keeps
/// a late answer from a newer connection in the same slot.
package struct Ticket: Hashable, Sendable {
    package static let slotsLimit = 1 << 24

    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(lane: Int, slot: Int, count: UInt32) {
        self.rawValue = UInt64(lane) << 56 | UInt64(slot) << 32 | UInt64(count)
    }

    package var lane: Int { Int(self.rawValue >> 56) }
    package var slot: Int { Int(self.rawValue >> 32) & (Self.slotsLimit - 1) }
    package var count: UInt32 { UInt32(truncatingIfNeeded: self.rawValue) }
}
