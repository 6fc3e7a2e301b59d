package import RedisClient
package import Sockets
package import Threads
package import TrancheCore

/// A unit's calls to its Redis, over one connection, sent without waiting. The engine's thread goes on, and takes the
/// answers when its poller reports them. A thread for the calls would cost two wake-ups for each batch.
///
/// After an error the connection is dropped, and each call under way gets the result `unreachable`: its effect is
/// unknown. The machine primes the lot again under a new fence, so a call that arrives late changes nothing. Lots are
/// primed over the connection that takes their steps, so both reach the same process of Redis.
package final class RedisCalls {
    package let owner = ThreadOwner("the calls to Redis")
    package enum Call {
        case step(RedisStep)
        case prime(RedisPrime)
        /// Asks what Redis holds of an earlier process. The ledger's proof is for the caller to add.
        case survey
    }
    private struct Underway {
        let call: Call
        let overdueAt: Instant
    }
    private struct Session {
        let connection: RedisConnection
        let step: String
        let prime: String
        let survey: String
    }

    private let server: RedisServer
    private var wire: RedisWire
    private let poller: Poller
    private let token: UInt64
    private var session: Session?
    private var underway: [Underway] = []
    private var arguments = RedisArguments()
    private var results: [UnitMachine.Event] = []
    private var openAgainAt = Instant.distantPast
    /// Short, because the engine waits: a healthy Redis accepts at once.
    static let connectMilliseconds = 250
    static let pauseMilliseconds: Int64 = 1_000
    package static let timeoutMilliseconds: Int64 = 1_000

    /// - Parameter token: The number by which `poller` reports that there is something to take.
    package init(_ server: RedisServer, unit: UnitID, poller: Poller, token: UInt64) {
        self.server = server
        self.wire = RedisWire(unit: unit)
        self.poller = poller
        self.token = token
    }

    deinit { self.drop() }

    /// Sends a call, without waiting. Its result comes with ``takeResults(now:)``, also if Redis does not answer.
    package func send(_ call: Call, now: Instant) {
        self.owner.check()
        self.underway.append(
            Underway(call: call, overdueAt: now.advanced(milliseconds: Self.timeoutMilliseconds)))
        do {
            let session = try self.connect(now: now)
            switch call {
            case .step(let step): self.wire.encode(step, digest: session.step, into: &self.arguments)
            case .prime(let prime): self.wire.encode(prime, digest: session.prime, into: &self.arguments)
            case .survey: self.wire.encodeSurvey(digest: session.survey, into: &self.arguments)
            }
            try session.connection.send(self.arguments)
        } catch { self.drop() }
    }

    /// When the oldest call is overdue, if there is one.
    package var overdueAt: Instant? { self.underway.first?.overdueAt }

    package var hasResults: Bool { !self.results.isEmpty }

    /// Reads what Redis has answered. To be called when the poller reports it.
    package func read() {
        self.owner.check()
        guard let connection = self.session?.connection else { return }
        do throws(RedisError) {
            for reply in try connection.received() {
                guard !self.underway.isEmpty else { return self.drop() }
                let call = self.underway.removeFirst().call
                guard let reply, let event = self.event(call, reply, RedisRun(connection.runID)) else {
                    // Another shape, or a script that Redis does not have any more: connect again.
                    self.results.append(self.failure(of: call))
                    return self.drop()
                }
                self.results.append(event)
            }
        } catch { self.drop() }
    }

    private func event(_ call: Call, _ reply: RedisReply, _ run: RedisRun) -> UnitMachine.Event? {
        switch call {
        case .step(let step):
            RedisWire.result(reply, success: .stepped).map { .redisResult(lot: step.lot, fence: step.fence, $0) }
        case .prime(let prime):
            RedisWire.result(reply, success: .primed(run)).map { .redisResult(lot: prime.lot, fence: prime.fence, $0) }
        case .survey: RedisWire.survey(reply, run: run).map { .surveyed($0) }
        }
    }

    private func failure(of call: Call) -> UnitMachine.Event {
        switch call {
        case .step(let step): .redisResult(lot: step.lot, fence: step.fence, .unreachable)
        case .prime(let prime): .redisResult(lot: prime.lot, fence: prime.fence, .unreachable)
        case .survey: .surveyed(nil)
        }
    }

    /// Results since the last time, in order.
    package func takeResults(now: Instant) -> [UnitMachine.Event] {
        self.owner.check()
        if let overdueAt, now >= overdueAt { self.drop() }
        defer { self.results = [] }
        return self.results
    }

    /// The session; a new one, if there is none.
    private func connect(now: Instant) throws(RedisError) -> Session {
        if let session { return session }
        // One attempt may delay the engine, but not one for each lot.
        guard now >= self.openAgainAt else { throw .closed("no connection a moment ago") }
        do throws(RedisError) {
            let made = try RedisConnection(
                self.server.address, login: self.server.login, timeoutMilliseconds: Self.connectMilliseconds)
            func load(_ script: String) throws(RedisError) -> String {
                guard let digest = try made.ask("SCRIPT", "LOAD", script).text else {
                    throw .refused("an answer of another shape")
                }
                return digest
            }
            let session = Session(
                connection: made, step: try load(RedisScripts.step), prime: try load(RedisScripts.prime),
                survey: try load(RedisScripts.survey))
            do { try self.poller.add(made.descriptor, token: self.token, .read) } catch { throw .closed("\(error)") }
            self.session = session
            return session
        } catch {
            self.openAgainAt = now.advanced(milliseconds: Self.pauseMilliseconds)
            throw error
        }
    }

    private func drop() {
        if let session { self.poller.remove(session.connection.descriptor) }
        self.session = nil
        self.results += self.underway.map { self.failure(of: $0.call) }
        self.underway = []
    }
}

/// The address of a unit's Redis, and how to log in.
package struct RedisServer: Sendable {
    package let address: RedisConnection.Address
    package let login: RedisConnection.Login?

    package init(_ address: RedisConnection.Address, login: RedisConnection.Login? = nil) {
        (self.address, self.login) = (address, login)
    }
}
