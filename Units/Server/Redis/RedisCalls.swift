import DaemonSupport
package import RedisClient
package import Sockets
package import Threads
package import TrancheCore

/// A unit's calls to its Redis, over one connection, sent without waiting. The engine's thread goes on, and takes the
/// answers when its poller reports them. A thread for the calls would cost two wake-ups for each batch.
///
/// After an error the connection is dropped, and each call under way gets the result `unreachable`: its effect is
/// unknown. The machine primes the lot again under a new fence, so a call that arrives late changes nothing. Lots are
/// primed over the connection that takes their steps, so both reach the same process of Redis. If the next connection
/// leads to another process, a lot counts as lost there until it is primed: the ledger names the process that has it.
///
/// A Redis with one address is connected to here, and the engine waits shortly. One that must be searched for is found by a
/// thread of its own; calls wait until then, as long as for an answer.
package final class RedisCalls {
    package let owner = ThreadOwner("the calls to Redis")
    package enum Call {
        case steps(JoinedSteps)
        case prime(RedisPrime)
        /// Asks what Redis holds of an earlier process. The ledger's proof is for the caller to add.
        case survey
    }
    private struct Underway {
        var call: Call
        var overdueAt: Instant
    }
    private struct Session {
        let connection: RedisConnection
        let step: String
        let prime: String

        static let scripts = [RedisScripts.step, RedisScripts.prime]
        /// - Parameter digests: Those of ``scripts``.
        init(_ connection: RedisConnection, _ digests: [String]) {
            self.connection = connection
            (self.step, self.prime) = (digests[0], digests[1])
        }
    }

    private let server: RedisServer
    /// `nil` if the server has one address.
    private let finder: RedisFinder?
    private var wire: RedisWire
    private let poller: Poller
    private let token: UInt64
    private var session: Session?
    /// The process of Redis that the last connection led to.
    private var run: String?
    /// The lots primed in the present process of Redis; `nil` if there has been no other one.
    private var primed: Set<LotID>?
    private var underway: [Underway] = []
    /// How many of the last calls under way wait for a connection.
    private var unsent = 0
    private var arguments = RedisArguments()
    private var results: [UnitMachine.Event] = []
    private var openAgainAt = Instant.distantPast
    /// Short, because the engine waits: a healthy Redis accepts at once.
    static let connectMilliseconds = 250
    static let pauseMilliseconds: Int64 = 1_000
    package static let timeoutMilliseconds: Int64 = 1_000
    /// Gets how long each call took that Redis has answered, in microseconds.
    package var onAnswer: (Int64) -> Void = { _ in }
    /// Gets whether there is a connection, when that changes.
    package var onChange: (Bool) -> Void = { _ in }

    /// - Parameters:
    ///   - token: The number by which `poller` reports that there is something to take.
    ///   - report: Gets a line about each search for Redis, on another thread.
    package init(
        _ server: RedisServer, unit: UnitID, poller: Poller, token: UInt64,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        let wire = RedisWire(unit: unit)
        (self.server, self.wire, self.poller, self.token) = (server, wire, poller, token)
        self.finder = RedisFinder(
            server, scripts: Session.scripts, key: wire.witness, report: report, onFound: { poller.wake() })
    }

    deinit {
        self.drop()
        self.finder?.stop()
    }

    /// Sends a call, without waiting. Its result comes with ``takeResults(now:)``, also if Redis does not answer.
    package func send(_ call: Call, now: Instant) {
        self.owner.check()
        self.underway.append(
            Underway(call: call, overdueAt: now.advanced(milliseconds: Self.timeoutMilliseconds)))
        self.unsent += 1
        self.sendWaiting(now: now)
    }

    /// Sends the calls that wait for a connection, over the present one or over a new one.
    private func sendWaiting(now: Instant) {
        guard self.unsent > 0 else { return }
        do throws(RedisError) {
            guard let session = try self.connect(now: now) else { return }
            self.loseStepsOfOtherRuns()
            // Redis has its whole time for calls that have waited: else a good connection would be dropped at once.
            for place in self.underway.indices.suffix(self.unsent) {
                self.underway[place].overdueAt = now.advanced(milliseconds: Self.timeoutMilliseconds)
            }
            for underway in self.underway.suffix(self.unsent) {
                switch underway.call {
                case .steps(let steps): self.wire.encode(steps, digest: session.step, into: &self.arguments)
                case .prime(let prime): self.wire.encode(prime, digest: session.prime, into: &self.arguments)
                case .survey: self.wire.encodeSurvey(into: &self.arguments)
                }
                try session.connection.send(self.arguments)
            }
            self.unsent = 0
        } catch { self.drop() }
    }

    /// A step follows a priming in the same process of Redis, also where another one has the same data: a promoted replica.
    private func loseStepsOfOtherRuns() {
        guard let primed else { return }
        for place in self.underway.indices.suffix(self.unsent).reversed() {
            guard case .steps(let call) = self.underway[place].call else { continue }
            let lost = call.steps.filter { !primed.contains($0.lot) }
            guard !lost.isEmpty else { continue }
            self.results.append(.redisResults(JoinedSteps(lost[...]).lotResults(.lost)))
            let kept = call.steps.filter { primed.contains($0.lot) }
            if kept.isEmpty {
                self.underway.remove(at: place)
                self.unsent -= 1
            } else {
                self.underway[place].call = .steps(JoinedSteps(kept[...]))
            }
        }
    }

    /// When the oldest call is overdue, if there is one.
    package var overdueAt: Instant? { self.underway.first?.overdueAt }

    package var hasResults: Bool { !self.results.isEmpty }

    /// Reads what Redis has answered. To be called when the poller reports it.
    package func readReplies() {
        self.owner.check()
        guard let connection = self.session?.connection else { return }
        do throws(RedisError) {
            for reply in try connection.takeReplies() {
                guard !self.underway.isEmpty else { return self.drop() }
                let (call, sentAt) = self.takeFirst()
                self.onAnswer(SystemClock.monotonic().microseconds - sentAt.microseconds)
                guard let reply = try? reply.get(), let event = self.event(call, reply, RedisRun(connection.runID))
                else {
                    // Another shape, or a script that Redis does not have any more: connect again.
                    self.results.append(self.failure(of: call))
                    return self.drop()
                }
                self.results.append(event)
            }
        } catch { self.drop() }
    }

    private func takeFirst() -> (call: Call, sentAt: Instant) {
        let first = self.underway.removeFirst()
        return (first.call, first.overdueAt.advanced(milliseconds: -Self.timeoutMilliseconds))
    }

    private func event(_ call: Call, _ reply: RedisReply, _ run: RedisRun) -> UnitMachine.Event? {
        switch call {
        case .steps(let call):
            RedisWire.results(reply, count: call.steps.count).map { .redisResults(call.lotResults($0)) }
        case .prime(let prime):
            RedisWire.primed(reply, run: run).map { result in
                if case .primed = result { self.primed?.insert(prime.lot) }
                return .redisResult(lot: prime.lot, fence: prime.fence, result)
            }
        case .survey: RedisWire.survey(reply, run: run).map { .surveyed($0) }
        }
    }

    private func failure(of call: Call) -> UnitMachine.Event {
        switch call {
        case .steps(let call): .redisResults(call.lotResults(.unreachable))
        case .prime(let prime): .redisResult(lot: prime.lot, fence: prime.fence, .unreachable)
        case .survey: .surveyed(nil)
        }
    }

    /// Results since the last time, in order.
    package func takeResults(now: Instant) -> [UnitMachine.Event] {
        self.owner.check()
        self.sendWaiting(now: now)
        if let overdueAt, now >= overdueAt { self.drop() }
        defer { self.results = [] }
        return self.results
    }

    /// - Returns: The session; a new one, if there is none; `nil` while one is searched for.
    private func connect(now: Instant) throws(RedisError) -> Session? {
        if let session { return session }
        if let finder {
            guard let found = finder.take() else {
                finder.seek()
                return nil
            }
            return try self.begin(Session(found.connection, found.digests))
        }
        // One attempt may delay the engine, but not one for each lot.
        guard now >= self.openAgainAt, case .address(let address) = self.server.place else {
            throw .closed("no connection a moment ago")
        }
        do throws(RedisError) {
            let made = try RedisConnection(
                address, login: self.server.login, timeoutMilliseconds: Self.connectMilliseconds)
            return try self.begin(Session(made, try made.load(Session.scripts)))
        } catch {
            // From now on: the attempt may have taken longer than the pause.
            self.openAgainAt = SystemClock.monotonic().advanced(milliseconds: Self.pauseMilliseconds)
            throw error
        }
    }

    private func begin(_ session: Session) throws(RedisError) -> Session {
        do { try self.poller.add(session.connection.descriptor, token: self.token, .read) } catch {
            throw .closed("\(error)")
        }
        self.session = session
        self.onChange(true)
        let run = session.connection.runID
        if let last = self.run, last != run { self.primed = [] }
        self.run = run
        return session
    }

    private func drop() {
        if let session {
            self.poller.remove(session.connection.descriptor)
            self.finder?.seek()
            self.onChange(false)
        }
        self.session = nil
        self.results += self.underway.map { self.failure(of: $0.call) }
        (self.underway, self.unsent) = ([], 0)
    }
}
