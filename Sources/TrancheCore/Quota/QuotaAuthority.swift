/// The one place from which every quota is granted.
///
/// Sans-IO. Each method changes the book by records that it appends to `records`. The shell makes them durable, under
/// the center's epoch, **before** the method's result leaves the process.
///
/// Take before give: the pool grows only when a unit reports a durable total of returned quota (`r`), and a grant never
/// exceeds the pool.
/// No clock takes part in safety: a silent unit keeps its outstanding quota until it is settled.
package struct QuotaAuthority: Sendable {
    /// Reports older than this do not count as stock elsewhere, in milliseconds. A hint only, never safety.
    package static let silenceMilliseconds: Int64 = 3_000
    /// A process that has reported within this time is alive: another process of its unit waits, even with the right
    /// ledger.
    package static let livingMilliseconds: Int64 = 600
    /// Stored witnesses of one unit, to judge the proofs in its reports.
    static let recentLimit = 16
    package static let movesLimit = 256
    /// A leading coordinator that is silent for longer than this may be replaced, in milliseconds.
    package static let leaderSilenceMilliseconds: Int64 = 600

    package struct Seen: Hashable, Sendable {
        package let report: UnitReport
        package let at: Instant
        /// What the report says of each lot: looked up for each lot, in each round of a coordinator.
        private let lots: [LotID: UnitReport.Lot]

        init(report: UnitReport, at: Instant) {
            self.report = report
            self.at = at
            self.lots = Dictionary(report.lots.map { ($0.lot, $0) }) { first, _ in first }
        }

        package func told(_ lot: LotID) -> UnitReport.Lot? { self.lots[lot] }
    }
    /// An operator's move: quota that `from` returns goes to `to` at once.
    package struct Move: Hashable, Sendable, Codable {
        package let id: UInt64
        package let lot: LotID
        package let from: UnitID
        package let to: UnitID
        package let asked: Int
        package var moved = 0
        package var isDone = false
    }

    struct Challenge: Hashable, Sendable {
        let number: UInt64
        let session: UInt64
        let witness: LedgerHead?
        /// Of generations that are stranded or settled.
        let earlier: [AuthorityBook.Stranded]
    }

    package internal(set) var book: AuthorityBook
    /// The center's witness of each unit's ledger: the shell stores it with the log, so that a set-back ledger is
    /// detected.
    package private(set) var witnesses: [UnitID: LedgerHead]
    /// Units whose witness has changed since the last ``takeMovedWitnesses()``.
    private var moved: Set<UnitID> = []
    package internal(set) var seen: [UnitID: Seen] = [:]
    /// The moment of the first message from a unit. Until ``silenceMilliseconds`` later, a unit that is not in ``seen`` may be
    /// about to report.
    var beganAt: Instant?
    /// The highest counters ever reported, of the current generation.
    package internal(set) var counters: [UnitID: [LotID: QuotaCounters]] = [:]
    package internal(set) var moves: [Move] = []
    var challenges: [UnitID: Challenge] = [:]
    /// Recent witnesses of each unit's ledger.
    var recent: [UnitID: [LedgerHead]] = [:]
    /// Generations that the ledger of the unit's present process has proved as its own.
    var proven: [UnitID: Set<Generation>] = [:]
    struct AuthorityEvent: Hashable { let unit: UnitID; let generation: Generation }
    /// Generations whose reports contradicted the books.
    var liars: Set<AuthorityEvent> = []
    /// Alarms for operators: a message contradicts the books.
    private var alarms: [String] = []
    var challengeCount: UInt64 = 0
    var hints: [UnitID: [LotID: ReclaimHint]] = [:]
    /// The last move and the last hint whose records are durable.
    private var confirmed: (move: UInt64, hint: UInt64) = (0, 0)
    var hintCount: UInt64 = 0
    var moveCount: UInt64 = 0
    /// The leading coordinator, and the time of its last call. Not in the log: a new center learns it from the next
    /// call.
    package internal(set) var leader: CoordinatorAddress?
    var leaderHeardAt = Instant.distantPast

    package init(book: AuthorityBook, witnesses: [UnitID: LedgerHead]) {
        self.book = book
        self.witnesses = witnesses
    }

    /// The log has taken all records so far.
    package mutating func confirm() { self.confirmed = (self.moveCount, self.hintCount) }

    /// Goes back to the state of the log, after it took no records. Requests to units since then are discarded, and
    /// their callers get an error. Hints, questions and moves keep their numbers: a used number may not come again
    /// under the same epoch.
    package mutating func goBack(to book: AuthorityBook, witnesses: [UnitID: LedgerHead]) {
        self.book = book
        self.witnesses = witnesses
        self.recent = [:]
        self.proven = [:]
        let (move, hint) = self.confirmed
        self.moves.removeAll { $0.id > move }
        for unit in self.hints.keys {
            self.hints[unit] = self.hints[unit]?.filter { $0.value.number & 0xFFFF_FFFF <= hint }
        }
        self.leader = nil  // The log may not have its epoch.
    }

    mutating func append(_ record: AuthorityRecord, into records: inout [AuthorityRecord]) {
        self.book.apply(record)
        for lot in record.movedLots {
            precondition(self.book.isConserved(lot), "I1 is broken for lot \(lot) by \(record)")
        }
        records.append(record)
    }

    mutating func setWitness(of unit: UnitID, _ head: LedgerHead?) {
        guard self.witnesses[unit] != head else { return }
        self.witnesses[unit] = head
        self.moved.insert(unit)
    }

    /// The recent witness of a unit's ledger at a position.
    package func recentWitness(of unit: UnitID, at position: UInt64) -> LedgerHead? {
        self.recent[unit]?.first { $0.position == position }
    }

    mutating func alarm(_ text: String) {
        if self.alarms.count < 100 { self.alarms.append(text) }
    }

    /// The alarms since the last call.
    package mutating func takeAlarms() -> [String] {
        defer { self.alarms = [] }
        return self.alarms
    }

    /// Witnesses that were changed or removed since the last call: they must be durable with the next records.
    package mutating func takeMovedWitnesses() -> [UnitID: LedgerHead?] {
        defer { self.moved.removeAll(keepingCapacity: true) }
        return Dictionary(uniqueKeysWithValues: self.moved.map { ($0, self.witnesses[$0]) })
    }

    /// Takes the log over: from now on the log refuses every center with a lower epoch.
    ///
    /// - Parameter epoch: The epoch of the lease, if centers share the log. It may be higher than the next one: a center may
    ///   take the lease and write nothing.
    package mutating func takeOver(as epoch: Epoch? = nil, into records: inout [AuthorityRecord]) {
        precondition(epoch ?? .init(.max) > self.book.epoch, "epoch \(epoch!) after \(self.book.epoch)")
        self.append(.epoch(epoch ?? self.book.epoch.next), into: &records)
    }

    /// A coordinator asks for the lead. It gets the lead unless another one has called within
    /// ``leaderSilenceMilliseconds``. A clock is used here for availability only: the epoch fences a deposed leader.
    package mutating func lead(
        url: String, now: Instant, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) -> Epoch {
        if let leader = self.leader, leader.url != url,
            now.milliseconds(since: self.leaderHeardAt) < Self.leaderSilenceMilliseconds
        {
            throw .leaderIsAlive(leader.epoch)
        }
        self.append(.coordinatorEpoch(self.book.coordinatorEpoch.next), into: &records)
        self.leader = CoordinatorAddress(epoch: self.book.coordinatorEpoch, url: url)
        self.leaderHeardAt = now
        return self.book.coordinatorEpoch
    }

    /// Takes in a coordinator's heartbeat.
    ///
    /// - Returns: Whether it is the leader.
    package mutating func hear(coordinator: CoordinatorAddress, now: Instant) -> Bool {
        guard coordinator.epoch == self.book.coordinatorEpoch, coordinator.epoch > Epoch(0) else { return false }
        self.leader = coordinator
        self.leaderHeardAt = now
        return true
    }

    package func check(coordinator epoch: Epoch) throws(AuthorityError) {
        guard epoch == self.book.coordinatorEpoch, epoch > Epoch(0) else {
            throw .staleEpoch(epoch, current: self.book.coordinatorEpoch)
        }
    }

    /// Grants up to `quantity` from the pool to the unit's current generation.
    ///
    /// - Returns: The granted quantity, which is less than requested if the pool is short.
    package mutating func grant(
        _ lot: LotID, to unit: UnitID, quantity: Int, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) -> Int {
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        guard let holder = self.book.units[unit] else { throw .unknownUnit(unit) }
        guard quantity > 0 else { throw .invalidQuantity(quantity, limit: Limits.stockPerLot) }
        guard state.contest == nil else { return 0 }  // The pool belongs to the line.
        let account = self.book.account(lot, unit, holder.generation)
        // A generation gets its first grant only after its first report, which gives its ledger a witness.
        let isWitnessed = self.seen[unit]?.report.generation == holder.generation
        let granted = holder.isDrained || !isWitnessed || account.status != .active ? 0 : min(quantity, state.pool)
        guard granted > 0 else { return 0 }
        self.append(.granted(lot, unit, holder.generation, total: account.granted + granted), into: &records)
        return granted
    }

    /// Asks a unit to return its quota beyond `keep`. A hint: nothing moves until the unit's `r` arrives.
    package mutating func reclaim(_ lot: LotID, from unit: UnitID, keep: Int) throws(AuthorityError) {
        guard self.book.lots[lot] != nil else { throw .unknownLot(lot) }
        guard self.book.units[unit] != nil else { throw .unknownUnit(unit) }
        guard keep >= 0 else { throw .invalidQuantity(keep, limit: Limits.stockPerLot) }
        self.hintCount += 1
        // The epoch is the high part, so numbers rise across restarts of the center.
        self.hints[unit, default: [:]][lot] = ReclaimHint(
            number: self.book.epoch.rawValue << 32 | self.hintCount, keep: keep)
    }

    /// Declares a unit's quota unreliable, at an operator's request.
    package mutating func strand(
        _ unit: UnitID, reason: String, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) {
        guard let holder = self.book.units[unit] else { throw .unknownUnit(unit) }
        self.append(
            .stranded(unit, holder.generation, reason: reason, witness: self.witnesses[unit]), into: &records)
    }

    /// Settles a stranded account: `sold` items were sold, and the rest returns to the pool.
    ///
    /// A settlement can be corrected downwards: an order that only a lost ledger has may be bought again with the same
    /// token, and then holds an item of the new generation.
    package mutating func settle(
        _ lot: LotID, _ unit: UnitID, _ generation: Generation, sold: Int, into records: inout [AuthorityRecord]
    ) throws(AuthorityError) {
        try self.checkSettlement(lot, unit, generation, sold: sold)
        self.append(.settled(lot, unit, generation, sold: sold, byLedger: false), into: &records)
    }

    /// Whether an account could be settled so. Nothing is settled yet.
    package func checkSettlement(
        _ lot: LotID, _ unit: UnitID, _ generation: Generation, sold: Int
    ) throws(AuthorityError) {
        guard self.book.lots[lot] != nil else { throw .unknownLot(lot) }
        let account = self.book.account(lot, unit, generation)
        guard account.isStranded || account.status == .settled else { throw .notStranded(lot, unit, generation) }
        guard (0...account.outstanding).contains(sold) else { throw .soldOutOfRange(sold, limit: account.outstanding) }
    }

    package mutating func setFrozen(_ lot: LotID, _ value: Bool, into records: inout [AuthorityRecord])
        throws(AuthorityError)
    {
        guard let state = self.book.lots[lot] else { throw .unknownLot(lot) }
        if state.isFrozen != value { self.append(.frozen(lot, value), into: &records) }
    }

    package mutating func setDrained(_ unit: UnitID, _ value: Bool, into records: inout [AuthorityRecord])
        throws(AuthorityError)
    {
        guard let state = self.book.units[unit] else { throw .unknownUnit(unit) }
        if state.isDrained != value { self.append(.drained(unit, value), into: &records) }
        if value {
            for lot in self.book.lots.keys.sorted() { try self.reclaim(lot, from: unit, keep: 0) }
        }
    }

    /// Starts an operator's move. It uses only quota that `from` returns, and nothing else from the pool.
    package mutating func move(
        _ lot: LotID, from: UnitID, to: UnitID, quantity: Int
    ) throws(AuthorityError) -> Move {
        guard let target = self.book.units[to] else { throw .unknownUnit(to) }
        guard !target.isDrained else { throw .drained(to) }
        guard from != to else { throw .sameUnit(from) }
        guard quantity > 0, quantity <= Limits.stockPerLot else {
            throw .invalidQuantity(quantity, limit: Limits.stockPerLot)
        }
        guard self.moves.count(where: { !$0.isDone }) < Self.movesLimit else {
            throw .invalidQuantity(self.moves.count, limit: Self.movesLimit)
        }
        guard self.book.lots[lot]?.contest == nil else { throw .contended(lot) }
        let available = self.available(lot, from)
        try self.reclaim(lot, from: from, keep: max(0, available - quantity))
        self.moveCount += 1
        let move = Move(id: self.moveCount, lot: lot, from: from, to: to, asked: quantity)
        if self.moves.count >= Self.movesLimit { self.moves.removeAll(where: \.isDone) }
        self.moves.append(move)
        return move
    }

    /// Stock that a unit could sell, by its last report and the grants that it has not confirmed yet.
    package func available(_ lot: LotID, _ unit: UnitID) -> Int {
        guard let holder = self.book.units[unit] else { return 0 }
        let told = self.counters[unit]?[lot] ?? QuotaCounters()
        let account = self.book.account(lot, unit, holder.generation)
        return account.granted + account.allocated - told.returned - told.live
    }
}
