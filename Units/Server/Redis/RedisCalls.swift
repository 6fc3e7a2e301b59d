import RedisClient
package import Sockets
package import Threads
package import TrancheCore

/// A unit's calls to its Redis, sent without waiting. The engine's thread goes on, and takes the answers when its
/// poller reports them. A thread for the calls would cost two wake-ups for each batch.
///
/// After an error the connection is dropped, and each call under way gets the result `unreachable`: its effect is
/// unknown. The machine primes the lot again under a new fence, so a call that arrives late changes nothing.
package final class RedisCalls {
    package let owner = ThreadOwner("the calls to Redis")
    private struct Underway {
        let lot: LotID
        let fence: UInt64
        let count: Int
        let overdueAt: Instant
    }

    private let server: RedisServer
    private let prefix: String
    private let poller: Poller
    private let token: UInt64
    private var connection: RedisConnection?
    private var digest = ""
    private var underway: [Underway] = []
    private var keys: [LotID: [String]] = [:]
    private var arguments = RedisArguments()
    private var results: [UnitMachine.Event] = []
    private var openAgainAt = Instant.distantPast
    /// Short, because the engine waits: a healthy Redis accepts at once.
    static let connectMilliseconds = 250
    static let pauseMilliseconds: Int64 = 1_000

    /// - Parameter token: The number by which `poller` reports that there is something to take.
    package init(_ server: RedisServer, unit: UnitID, poller: Poller, token: UInt64) {
        self.server = server
        self.prefix = LotWire.prefix(of: unit)
        self.poller = poller
        self.token = token
    }

    deinit { self.drop() }

    /// Sends a call. Its result comes with ``takeResults(now:)``, also for a call without an answer.
    package func send(_ call: LotCall, now: Instant) {
        self.owner.check()
        self.underway.append(
            Underway(
                lot: call.lot, fence: call.fence, count: call.requests.count,
                overdueAt: now.advanced(milliseconds: Int64(RedisPrimer.timeoutMilliseconds))))
        do {
            let connection = try self.open(now: now)
            let keys = self.keys[call.lot] ?? LotWire.keys(of: call.lot, prefix: self.prefix)
            self.keys[call.lot] = keys
            self.arguments.removeAll()
            self.arguments.append("EVALSHA")
            self.arguments.append(self.digest)
            self.arguments.append(keys.count)
            for key in keys { self.arguments.append(key) }
            LotWire.encode(call, into: &self.arguments)
            try connection.append(self.arguments)
            try connection.flush()
        } catch { self.drop() }
    }

    /// When the oldest call is overdue, if there is one.
    package var overdueAt: Instant? { self.underway.first?.overdueAt }

    package var hasResults: Bool { !self.results.isEmpty }

    /// Reads what Redis has answered. To be called when the poller reports it.
    package func read() {
        self.owner.check()
        guard let connection else { return }
        do throws(RedisError) {
            for reply in try connection.received() {
                guard !self.underway.isEmpty else { return self.drop() }
                let call = self.underway.removeFirst()
                guard let reply, let result = LotWire.result(reply, count: call.count) else {
                    // Another shape, or a script that Redis does not have any more: connect again.
                    self.results.append(.lotResult(lot: call.lot, fence: call.fence, .unreachable))
                    return self.drop()
                }
                self.results.append(.lotResult(lot: call.lot, fence: call.fence, result))
                // Lots have been primed in another process meanwhile: this connection leads to the old one.
                if result == .lost, !self.server.isPrimed(connection.runID) { return self.drop() }
            }
        } catch { self.drop() }
    }

    /// Results since the last time, in order.
    package func takeResults(now: Instant) -> [UnitMachine.Event] {
        self.owner.check()
        if let overdueAt, now >= overdueAt { self.drop() }
        defer { self.results = [] }
        return self.results
    }

    private func open(now: Instant) throws(RedisError) -> RedisConnection {
        if let connection { return connection }
        // One attempt may delay the engine, but not one for each lot.
        guard now >= self.openAgainAt else { throw .closed("no connection a moment ago") }
        do throws(RedisError) {
            let made = try self.server.connect(timeoutMilliseconds: Self.connectMilliseconds)
            // Lots are primed over another connection. Both must lead to one process, or the primed lots are never
            // sold.
            guard self.server.isPrimed(made.runID) else {
                throw .closed("another Redis answers at \(self.server.address) than the one that was primed")
            }
            guard let digest = try made.send("SCRIPT", "LOAD", AdmissionScripts.step).text else {
                throw .refused("an answer of another shape")
            }
            do { try self.poller.add(made.descriptor, token: self.token, .read) } catch { throw .closed("\(error)") }
            (self.connection, self.digest) = (made, digest)
            return made
        } catch {
            self.openAgainAt = now.advanced(milliseconds: Self.pauseMilliseconds)
            throw error
        }
    }

    private func drop() {
        if let connection { self.poller.remove(connection.descriptor) }
        self.connection = nil
        for call in self.underway { self.results.append(.lotResult(lot: call.lot, fence: call.fence, .unreachable)) }
        self.underway = []
    }
}
