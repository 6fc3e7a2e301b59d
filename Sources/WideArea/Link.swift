import NIOConcurrencyHelpers
import NIOCore

/// The behaviour of one direction between two places.
package struct LinkState: Hashable, Sendable, Codable {
    /// One-way delay, in milliseconds.
    package var delayMilliseconds: Double
    /// A random part of the delay, uniform between 0 and this.
    package var jitterMilliseconds: Double
    /// Whether the link is cut: sent data waits, as in a sender's buffers.
    package var isCut: Bool
    /// Of 1000 reads of data, how many break their connection.
    package var lossPermille: Int

    package init(
        delayMilliseconds: Double = 0, jitterMilliseconds: Double = 0, isCut: Bool = false, lossPermille: Int = 0
    ) {
        self.delayMilliseconds = delayMilliseconds
        self.jitterMilliseconds = jitterMilliseconds
        self.isCut = isCut
        self.lossPermille = lossPermille
    }

    /// Which value is out of its range; `nil` if none is.
    package var problem: String? {
        if !(0...60_000).contains(self.delayMilliseconds) {
            return "delay \(self.delayMilliseconds) ms is not in 0...60000"
        }
        if !(0...60_000).contains(self.jitterMilliseconds) {
            return "jitter \(self.jitterMilliseconds) ms is not in 0...60000"
        }
        return (0...1_000).contains(self.lossPermille) ? nil : "loss \(self.lossPermille) permille is not in 0...1000"
    }
}

/// One directed link: all connections from one place to another share it.
package final class Link: Sendable {
    package let name: String
    private let current: NIOLockedValueBox<(state: LinkState, bytes: Int)>

    package init(_ from: String, _ to: String, _ state: LinkState) {
        self.name = "\(from)>\(to)"
        self.current = NIOLockedValueBox((state, 0))
    }

    package var state: LinkState {
        get { self.current.withLockedValue { $0.state } }
        set { self.current.withLockedValue { $0.state = newValue } }
    }

    /// The number of bytes that have entered the link.
    package var bytes: Int { self.current.withLockedValue { $0.bytes } }

    /// Counts data that enters the link.
    ///
    /// - Returns: The delay of the data; `nil` if its connection must break.
    func enter(bytes: Int) -> TimeAmount? {
        let state = self.current.withLockedValue { current in
            current.bytes += bytes
            return current.state
        }
        if state.lossPermille > 0, Int.random(in: 0..<1_000) < state.lossPermille { return nil }
        let jitter = state.jitterMilliseconds > 0 ? Double.random(in: 0...state.jitterMilliseconds) : 0
        return .microseconds(Int64((state.delayMilliseconds + jitter) * 1_000))
    }
}
