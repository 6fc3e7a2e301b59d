import NIOConcurrencyHelpers
package import Sockets

/// The open connections of one listener, by address.
package final class ConnectionRegister: Sendable {
    package enum Admission: Hashable, Sendable {
        case admitted
        /// The listener has as many as it bears.
        case full
        /// This address has as many as one address may have.
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

    /// Counts a connection, unless a limit is reached. The caller calls ``leave(_:)`` once for each admitted
    /// connection.
    ///
    /// - Parameter hasMadeRoom: Another connection was told to close, and leaves in a moment: the listener is not too
    ///   full.
    package func enter(_ address: ClientAddress, hasMadeRoom: Bool = false) -> Admission {
        self.state.withLockedValue { state in
            // First, so that nobody is closed for an address that has too many anyway.
            guard state.byAddress[address, default: 0] < self.limitPerAddress else { return .addressFull }
            guard hasMadeRoom || state.count < self.limit else { return .full }
            state.count += 1
            state.byAddress[address, default: 0] += 1
            return .admitted
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

    /// Four fifths are used: idle connections have to make room soon.
    package var isCrowded: Bool { self.state.withLockedValue { $0.count * 5 >= self.limit * 4 } }

    /// Notes a connection that may be closed from here while it is idle.
    package func track(_ activity: ConnectionActivity) {
        self.state.withLockedValue { $0.tracked[ObjectIdentifier(activity)] = activity }
    }

    package func untrack(_ activity: ConnectionActivity) {
        self.state.withLockedValue { $0.tracked[ObjectIdentifier(activity)] = nil }
    }

    /// Closes the tracked connection that has been idle for longest; it leaves a moment later.
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

/// Whether a connection of the ordinary stack is used, for when a place is needed.
package final class ConnectionActivity: Sendable {
    private let idleSince = NIOLockedValueBox<Int64?>(nil)
    let close: @Sendable () -> Void

    package init(close: @escaping @Sendable () -> Void) { self.close = close }

    package var idle: Int64? {
        get { self.idleSince.withLockedValue { $0 } }
        set { self.idleSince.withLockedValue { $0 = newValue } }
    }
}
