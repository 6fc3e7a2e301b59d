/// Which of several centers leads: one row in the store that they share.
///
/// Sans-IO. The center that leads changes the row now and then. Another one takes the row over, with the next epoch, when
/// it has seen the same row for long enough.
///
/// The lease is for liveness only. Two centers may believe for a while that they lead: one was paused, or a clock is
/// wrong. Safety is elsewhere: every append to the log is conditional on the epoch, and whoever takes the row raises it.
/// So nothing here needs a right clock, and times of different machines are never compared.
package struct CenterLease: Sendable {
    /// Between two signs of life of the leader.
    package static let beatMilliseconds: Int64 = 500
    /// Between two looks of a standby at the row.
    package static let lookMilliseconds: Int64 = 250
    /// A leader whose row has not changed for so long is replaced, and a leader that could not change it stands down.
    package static let silenceMilliseconds: Int64 = 3_000
    /// Looks that must have seen the same row before it is taken: a clock that steps forward takes nothing by itself.
    package static let looksNeeded = 6
    /// After a lead that came to nothing, a center leaves the row to others for so long.
    package static let abstainMilliseconds: Int64 = 5_000

    /// The lease as the store has it.
    package struct Row: Hashable, Sendable {
        /// Of the center that leads, or led last.
        package var epoch: Epoch
        /// Its address; empty if it gave the lead back.
        package var holder: String
        /// A number that its process drew at its start: two processes may have one address, by mistake or one after the
        /// other.
        package var process: UInt64
        /// Changes with each sign of life.
        package var beat: UInt64

        package init(epoch: Epoch, holder: String, process: UInt64, beat: UInt64) {
            (self.epoch, self.holder, self.process, self.beat) = (epoch, holder, process, beat)
        }
    }

    /// What the shell does next. It reports the outcome before it asks again.
    package enum Act: Hashable, Sendable {
        /// Read the row.
        case look
        /// Change the row's beat, if the row has this epoch still; then read it.
        case beat(Epoch)
        /// Take the row with the next epoch, if it is this one still; then read it.
        case take(Row)
    }

    package enum Outcome: Hashable, Sendable {
        /// The row after the act, whether or not it changed it.
        case row(Row)
        /// The store did not answer: the act may be done, or may be done later.
        case noAnswer
    }

    package enum Role: Hashable, Sendable {
        /// Another center leads, or nobody. Can transition to: `leading`, when a take succeeded.
        case standby
        /// This center leads, as far as it knows. Can transition to: `standby`, when it sees another row, cannot beat for
        /// too long, or is told to stand down.
        case leading(Epoch)
    }

    package private(set) var role = Role.standby
    /// The address of the center that leads, as far as this one knows.
    package private(set) var leader: String?
    private let address: String
    private let process: UInt64
    private var known: Row?
    /// When the known row was new, and how many looks have seen it since.
    private var knownAt = Instant.distantPast
    private var looks = 0
    /// A row that can be taken now.
    private var free: Row?
    private var underway: (act: Act, at: Instant)?
    private var lastAt: Instant?
    private var confirmedAt = Instant.distantPast
    /// When its last lead came to nothing.
    private var failedAt: Instant?
    /// Before the first row was seen, this process has not led.
    private var isNew = true

    /// - Parameters:
    ///   - address: Where clients reach this center.
    ///   - process: A random number.
    package init(address: String, process: UInt64) {
        precondition(!address.isEmpty, "a center without an address cannot hold the lease")
        (self.address, self.process) = (address, process)
    }

    /// The act that is due, or `nil`. One act is under way at a time.
    ///
    /// - Parameter now: By a clock of this process that should not step.
    package mutating func next(now: Instant) -> Act? {
        guard self.underway == nil else { return nil }
        if case .leading = self.role, self.isOver(Self.silenceMilliseconds, since: self.confirmedAt, now) {
            self.standDown()
        }
        let act: Act
        if let free {
            act = .take(free)
        } else if case .leading(let epoch) = self.role {
            guard self.isDue(Self.beatMilliseconds, now) else { return nil }
            act = .beat(epoch)
        } else {
            guard self.isDue(Self.lookMilliseconds, now) else { return nil }
            act = .look
        }
        (self.free, self.lastAt) = (nil, now)
        self.underway = (act, now)
        return act
    }

    /// Takes in the outcome of the act under way.
    package mutating func ended(_ outcome: Outcome, now: Instant) {
        guard let (act, startedAt) = self.underway else { preconditionFailure("no act of the lease is under way") }
        self.underway = nil
        guard case .row(let row) = outcome else { return }
        defer { self.isNew = false }
        switch (self.role, act) {
        case (.leading(let epoch), _):
            if row.epoch == epoch, row.process == self.process {
                // The beat may have been made at its beginning: later times would be a guess.
                self.confirmedAt = startedAt
            } else {
                self.standDown()
                self.see(row, now)
            }
        case (.standby, .take(let seen)) where row.process == self.process && row.epoch == seen.epoch.next:
            (self.role, self.leader, self.confirmedAt) = (.leading(row.epoch), self.address, startedAt)
        case (.standby, _): self.see(row, now)
        }
    }

    /// This center stops leading: its log was taken over, or it does not know what its log has. It may lead again, with a
    /// newer epoch.
    package mutating func standDown() {
        (self.role, self.leader, self.known, self.free, self.looks) = (.standby, nil, nil, nil, 0)
    }

    /// This center has the row and cannot lead, for example because it cannot read the log. Otherwise it would take the row
    /// again and again, and no other center would ever find it silent.
    package mutating func abstain(now: Instant) {
        self.standDown()
        self.failedAt = now
    }

    private mutating func see(_ row: Row, _ now: Instant) {
        if row != self.known { (self.known, self.knownAt, self.looks) = (row, now, 0) }
        self.looks += 1
        // Its own lease, although it does not lead: an answer was lost, or it stood down. And at a start the address is
        // enough, because the process that had it has ended.
        let isOwn = row.process == self.process || (self.isNew && row.holder == self.address)
        self.leader = row.holder.isEmpty || isOwn ? nil : row.holder
        let isSilent =
            self.looks >= Self.looksNeeded && self.isOver(Self.silenceMilliseconds, since: self.knownAt, now)
        if let failedAt, !self.isOver(Self.abstainMilliseconds, since: failedAt, now) { return }
        if row.holder.isEmpty || isOwn || isSilent { self.free = row }
    }

    private func isDue(_ milliseconds: Int64, _ now: Instant) -> Bool {
        guard let lastAt else { return true }
        return self.isOver(milliseconds, since: lastAt, now)
    }

    /// A clock that went back does not make anybody wait for it.
    private func isOver(_ milliseconds: Int64, since earlier: Instant, _ now: Instant) -> Bool {
        now < earlier || now.milliseconds(since: earlier) >= milliseconds
    }
}
