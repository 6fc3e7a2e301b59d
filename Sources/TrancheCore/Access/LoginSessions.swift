/// Who has signed in with the provider, by the digest of what their browser shows. They are kept in memory: after a restart, or at
/// another center, people sign in again.
package struct LoginSessions: Hashable, Sendable {
    /// How long a session lasts, from its beginning.
    package static let lifetimeMilliseconds: Int64 = 8 * 3_600_000
    /// Sessions of all people; one more is refused.
    package static let limit = 256
    /// Sessions of one person; the oldest one makes room.
    package static let perPerson = 5

    private struct Session: Hashable, Sendable {
        let digest: String
        let claims: LoginClaims
        let name: String
        let endsAt: Instant
    }
    /// In the order in which they began.
    private var sessions: [Session] = []

    package init() {}

    package var count: Int { self.sessions.count }

    /// Begins a session.
    ///
    /// - Parameters:
    ///   - name: Whoever it is for, by the list of this moment.
    ///   - now: By a clock that never steps.
    /// - Returns: `false` if there is no room.
    package mutating func begin(_ digest: String, _ claims: LoginClaims, name: String, now: Instant) -> Bool {
        self.sessions.removeAll { $0.endsAt <= now }
        let own = self.sessions.filter { $0.name == name }
        if own.count >= Self.perPerson { self.sessions.removeAll { $0 == own[0] } }
        guard self.sessions.count < Self.limit else { return false }
        self.sessions.append(
            Session(
                digest: digest, claims: claims, name: name,
                endsAt: now.advanced(milliseconds: Self.lifetimeMilliseconds)))
        return true
    }

    /// What the provider said of whoever has the session. Who that is says the list, each time: somebody who leaves it is
    /// nobody at once.
    package func claims(_ digest: String, now: Instant) -> LoginClaims? {
        self.sessions.first { $0.digest == digest && now < $0.endsAt }?.claims
    }

    /// The claims of the newest session under a name.
    package func claims(named name: String, now: Instant) -> LoginClaims? {
        self.sessions.last { $0.name == name && now < $0.endsAt }?.claims
    }

    package mutating func end(_ digest: String) { self.sessions.removeAll { $0.digest == digest } }
}
