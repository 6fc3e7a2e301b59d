/// The states of many callers of one ``RateLimit``, in bounded memory: about 40 bytes a caller, allocated as
/// callers come.
///
/// A full table forgets callers whose state has passed: a caller without a state has the same rights, so nobody gains
/// or loses. If no such caller is near the end of the order of last use, the newcomer is admitted without a state. So a
/// full table refuses nobody for being full, and a flood of new names frees no caller of a limit.
///
/// Keys are hashes of sessions, accounts or addresses. The caller makes them with a key of its process (``SipHash``):
/// otherwise strangers could choose names that share a state.
package struct LocalRates: Sendable {
    private struct Row: Sendable {
        let key: UInt64
        var state: Instant
        /// Rows of the same chain, by their number plus one; 0 ends it.
        var following: UInt32
        /// Neighbours in the order of last use, by their number plus one.
        var older: UInt32
        var newer: UInt32
    }

    /// States that a full table looks at before it gives up.
    static let looksPerRequest = 8

    package let capacity: Int
    /// Requests that were admitted without a state, because the table was full.
    package private(set) var unremembered = 0
    private var rows: [Row] = []
    private var chains: [UInt32] = []
    private var oldest: UInt32 = 0
    private var newest: UInt32 = 0

    /// - Parameter capacity: The most callers, `1...Limits.rateCallers`.
    package init(capacity: Int) {
        precondition((1...Limits.rateCallers).contains(capacity), "a table for \(capacity) callers")
        self.capacity = capacity
    }

    /// Callers with a state.
    package var count: Int { self.rows.count }

    /// Decides about one request of a caller.
    package mutating func admit(_ key: UInt64, _ limit: RateLimit, now: Instant) -> RateVerdict {
        if let row = self.find(key) {
            self.touch(row)
            return limit.admit(&self.rows[Int(row) - 1].state, now: now)
        }
        var state = Instant.distantPast
        let verdict = limit.admit(&state, now: now)
        self.remember(key, state, now: now)
        return verdict
    }

    private func find(_ key: UInt64) -> UInt32? {
        guard !self.chains.isEmpty else { return nil }
        var row = self.chains[self.chain(of: key)]
        while row != 0, self.rows[Int(row) - 1].key != key { row = self.rows[Int(row) - 1].following }
        return row == 0 ? nil : row
    }

    private mutating func remember(_ key: UInt64, _ state: Instant, now: Instant) {
        let row: UInt32
        if self.rows.count < self.capacity {
            self.growIfNeeded()
            self.rows.append(Row(key: key, state: state, following: 0, older: 0, newer: 0))
            row = UInt32(self.rows.count)
        } else if let passed = self.passedRow(now: now) {
            self.unchain(passed)
            self.rows[Int(passed) - 1] = Row(key: key, state: state, following: 0, older: 0, newer: 0)
            row = passed
        } else {
            self.unremembered += 1
            return
        }
        self.putInChain(row)
        self.putNewest(row)
    }

    /// Takes the least recently used row whose state has passed out of the order of use.
    ///
    /// A row that is looked at and has not passed moves to the newest end, so that no group of callers with a long wait
    /// blocks the table.
    private mutating func passedRow(now: Instant) -> UInt32? {
        for _ in 0..<min(Self.looksPerRequest, self.rows.count) {
            let row = self.oldest
            if self.rows[Int(row) - 1].state <= now {
                self.takeOut(row)
                return row
            }
            self.touch(row)
        }
        return nil
    }
}

// The chains of a hash table, with twice as many chains as callers at most.
extension LocalRates {
    private func chain(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: HashIndex.mix(key)) & (self.chains.count - 1)
    }

    private mutating func putInChain(_ row: UInt32) {
        let chain = self.chain(of: self.rows[Int(row) - 1].key)
        self.rows[Int(row) - 1].following = self.chains[chain]
        self.chains[chain] = row
    }

    private mutating func unchain(_ row: UInt32) {
        let following = self.rows[Int(row) - 1].following
        let chain = self.chain(of: self.rows[Int(row) - 1].key)
        if self.chains[chain] == row {
            self.chains[chain] = following
            return
        }
        var before = self.chains[chain]
        while self.rows[Int(before) - 1].following != row { before = self.rows[Int(before) - 1].following }
        self.rows[Int(before) - 1].following = following
    }

    private mutating func growIfNeeded() {
        guard self.rows.count >= self.chains.count else { return }
        self.chains = [UInt32](repeating: 0, count: max(64, self.chains.count * 2))
        for row in self.rows.indices { self.putInChain(UInt32(row + 1)) }
    }
}

// The order of last use: a list in both directions.
extension LocalRates {
    private mutating func touch(_ row: UInt32) {
        guard row != self.newest else { return }
        self.takeOut(row)
        self.putNewest(row)
    }

    private mutating func takeOut(_ row: UInt32) {
        let (older, newer) = (self.rows[Int(row) - 1].older, self.rows[Int(row) - 1].newer)
        if older == 0 { self.oldest = newer } else { self.rows[Int(older) - 1].newer = newer }
        if newer == 0 { self.newest = older } else { self.rows[Int(newer) - 1].older = older }
    }

    private mutating func putNewest(_ row: UInt32) {
        self.rows[Int(row) - 1].older = self.newest
        self.rows[Int(row) - 1].newer = 0
        if self.newest == 0 { self.oldest = row } else { self.rows[Int(self.newest) - 1].newer = row }
        self.newest = row
    }
}
