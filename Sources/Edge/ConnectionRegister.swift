import NIOConcurrencyHelpers
package import Sockets

/// The open connections of one listener, by address.
package final class ConnectionRegister: Sendable {
    package enum Outcome: Hashable, Sendable {
        case counted
        /// The listener has reached its limit of connections.
        case full
        /// The address has reached its limit of connections.
        case addressFull
    }

    package let limit: Int
    package let limitPerAddress: Int
    private struct State {
        var count = 0
        var byAddress: [ClientAddress: Int] = [:]
        var tracked: [ObjectIdentifier: ConnectionActivity] = [:]
    }
    private let state = NIOLockedValueBox(State())

    package init(limit: Int, limitPerAddress: Int) { (self.limit, self.limitPerAddress) = (limit, limitPerAddress) }

    /// Counts a connection, unless a limit is reached. The caller calls ``leave(_:)`` once for each counted
    /// connection.
    ///
    /// - Parameter hasMadeRoom: Another connection was told to close and leaves soon, so this one may exceed the
    ///   listener's limit for a moment.
    package func enter(_ address: ClientAddress, hasMadeRoom: Bool = false) -> Outcome {
        self.state.withLockedValue { state in
            // Checked first, so that no connection is closed to make room for an address that is over its limit.
            guard state.byAddress[address, default: 0] < self.limitPerAddress else { return .addressFull }
            guard hasMadeRoom || state.count < self.limit else { return .full }
            state.count += 1
            state.byAddress[address, default: 0] += 1
            return .counted
        }
    }

    package func leave(_ address: ClientAddress) {
        self.state.withLockedValue { state in
            state.count -= 1
            let left = (state.byAddress[address] ?? 1) - 1
            state.byAddress[address] = left > 0 ? left : nil
        }
    }

    package var isFull: Bool { self.state.withLockedValue { $0.count >= self.limit } }

    /// Whether four fifths of the limit are used, so that idle connections must close soon.
    package var isCrowded: Bool { self.state.withLockedValue { $0.count * 5 >= self.limit * 4 } }

    /// Tracks a connection that may be closed while it is idle.
    package func track(_ activity: ConnectionActivity) {
        self.state.withLockedValue { $0.tracked[ObjectIdentifier(activity)] = activity }
    }

    package func untrack(_ activity: ConnectionActivity) {
        self.state.withLockedValue { $0.tracked[ObjectIdentifier(activity)] = nil }
    }

    /// Closes the tracked connection that has been idle for the longest time; it leaves a moment later.
    ///
    /// - Returns: `false` if none is idle.
    package func closeOldestIdle() -> Bool {
        let all = self.state.withLockedValue { Array($0.tracked.values) }
        var oldest: (activity: ConnectionActivity, since: Int64)?
        for activity in all {
            if let since = activity.idle, since < oldest?.since ?? .max { oldest = (activity, since) }
        }
        guard let activity = oldest?.activity else { return false }
        self.untrack(activity)
        activity.close()
        return true
    }
}

/// Whether a connection of the ordinary stack is idle, and may be closed to make room.
package final class ConnectionActivity: Sendable {
    private let idleSince = NIOLockedValueBox<Int64?>(nil)
    let close: @Sendable () -> Void

    package init(close: @escaping @Sendable () -> Void) { self.close = close }

    package var idle: Int64? {
        get { self.idleSince.withLockedValue { $0 } }
        set { self.idleSince.withLockedValue { $0 = newValue } }
    }
}
