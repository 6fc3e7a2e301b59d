import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import RedisClient
import Sockets
import Threads
import TrancheCore

/// The Redis that a region's gates share, for limits, first ranks and used challenges: the thread that asks it, one call at
/// a time, for all requests that wait.
///
/// While a call is under way the next batch gathers, so batches grow with load. A Redis that does not answer costs nobody
/// more than ``timeoutMilliseconds``: its requests get a reply that says so, and for ``pauseMilliseconds`` no request
/// waits for it.
final class GateRedis: @unchecked Sendable {  // The thread has the connection; everything else has a lock.
    /// Requests that wait at most. One more is refused as overloaded.
    static let waitingLimit = 20_000
    static let batchLimit = 256
    static let timeoutMilliseconds = 250
    static let pauseMilliseconds: Int64 = 500
    private static let idleMicroseconds: Int64 = 100_000
    private static let probeMilliseconds: Int64 = 1_000

    typealias Receiver = @Sendable ([(ticket: UInt64, reply: GateReply)]) -> Void
    private struct Waiting {
        let ticket: UInt64
        let question: GateQuestion
        let receiver: Int
        let askedAt: Instant
    }
    private enum Note {
        case raise(GateKey, from: Int, lifeMilliseconds: Int64, mark: (key: GateKey, value: String)?)
        case clear(GateKey)
    }
    private struct State {
        var waiting: [Waiting] = []
        var notes: [Note] = []
        var receivers: [Receiver] = []
        var isStopping = false
        var isAway = false
        /// How long requests waited for their call since it was last taken: the sum, and how many they were.
        var waited = (milliseconds: 0, requests: 0)
    }

    let owner = ThreadOwner("the gates' Redis")
    private let server: RedisServer
    /// `nil` if the server has one address.
    private let finder: RedisFinder?
    private let poller: Poller
    private let logger: Logger
    private let state = NIOLockedValueBox(State())
    private var connection: RedisConnection?
    private var script = ""
    private var openAgainAt: Int64 = 0
    private var probeAt: Int64 = 0

    init(_ server: RedisServer, logger: Logger) throws(SocketError) {
        (self.server, self.logger) = (server, logger)
        self.poller = try Poller()
        self.finder = RedisFinder(server, scripts: [GateScript.ask], report: { logger.notice("\($0)") })
        self.finder?.seek()
    }

    deinit { self.finder?.stop() }

    /// Whether only the limits of this gate count now.
    var isAway: Bool { self.state.withLockedValue { $0.isAway } }

    /// Requests that wait for their call.
    var waitingCount: Int { self.state.withLockedValue { $0.waiting.count } }

    /// How long requests waited for their call since the last time, in milliseconds, on the average. Calls without an answer
    /// do not count: without Redis no request waits.
    func takeWaiting() -> Int {
        self.state.withLockedValue { state in
            defer { state.waited = (0, 0) }
            return state.waited.milliseconds / max(1, state.waited.requests)
        }
    }

    /// - Returns: The number by which the receiver asks.
    func add(_ receiver: @escaping Receiver) -> Int {
        self.state.withLockedValue { state in
            state.receivers.append(receiver)
            return state.receivers.count - 1
        }
    }

    /// - Returns: `false` if too many requests wait: none of these was taken.
    func ask(_ questions: [(ticket: UInt64, question: GateQuestion)], for receiver: Int) -> Bool {
        let now = SystemClock.monotonic()
        let wakes = self.state.withLockedValue { state -> Bool? in
            guard state.waiting.count + questions.count <= Self.waitingLimit else { return nil }
            defer {
                state.waiting += questions.map {
                    Waiting(ticket: $0.ticket, question: $0.question, receiver: receiver, askedAt: now)
                }
            }
            return state.waiting.isEmpty
        }
        if wakes == true { self.poller.wake() }
        return wakes != nil
    }

    /// Raises a counter from the value that a reply had, and sets a mark with it; without an answer.
    func raise(
        _ key: GateKey, from value: Int, lifeMilliseconds: Int64, mark: (key: GateKey, value: String)? = nil
    ) {
        self.note(.raise(key, from: value, lifeMilliseconds: lifeMilliseconds, mark: mark))
    }

    func clear(_ key: GateKey) { self.note(.clear(key)) }

    private func note(_ note: Note) {
        self.state.withLockedValue { state in
            if state.notes.count < Self.waitingLimit { state.notes.append(note) }
        }
        self.poller.wake()
    }

    func stop() {
        self.state.withLockedValue { $0.isStopping = true }
        self.poller.wake()
    }

    func run() {
        while true {
            let (batch, notes, receivers, isStopping) = self.state.withLockedValue { state in
                let batch = Array(state.waiting.prefix(Self.batchLimit))
                state.waiting.removeFirst(batch.count)
                defer { state.notes = [] }
                return (batch, state.notes, state.receivers, state.isStopping)
            }
            if batch.isEmpty, notes.isEmpty {
                if isStopping { return }
                self.poller.wait(microseconds: Self.idleMicroseconds) { _ in }
                self.probe()
                continue
            }
            let began = SystemClock.monotonic()
            let replies = self.replies(to: batch, notes)
            if let first = batch.first, let last = batch.last, !replies.contains(where: \.isAlone) {
                // They came one after the other, so their average wait is about that of the first and the last one.
                let waited = Int(began.milliseconds(since: first.askedAt) + began.milliseconds(since: last.askedAt)) / 2
                self.state.withLockedValue { state in
                    state.waited.milliseconds += waited * batch.count
                    state.waited.requests += batch.count
                }
            }
            for (number, receiver) in receivers.enumerated() {
                let own = zip(batch, replies).filter { $0.0.receiver == number }.map { ($0.0.ticket, $0.1) }
                if !own.isEmpty { receiver(own) }
            }
        }
    }

    private func replies(to batch: [Waiting], _ notes: [Note]) -> [GateReply] {
        self.owner.check()
        do throws(RedisError) {
            let connection = try self.open()
            for note in notes { try Self.send(note, over: connection) }
            guard !batch.isEmpty else { return [] }
            let questions = batch.map(\.question)
            var arguments = RedisArguments()
            for text in ["EVALSHA", self.script, "0"] { arguments.add(text) }
            GateWire.encode(questions, now: SystemClock.now(), into: &arguments)
            guard let replies = GateWire.replies(try connection.ask(arguments), to: questions) else {
                throw .closed("an answer of another shape")
            }
            self.setAway(nil)
            return replies
        } catch {
            self.lose(error)
            return batch.map { _ in GateReply(isAlone: true) }
        }
    }

    /// Asks for a sign of life, once a second while nobody asks for more: a gate without visitors would not see that its
    /// Redis is away, or that it is back.
    private func probe() {
        self.owner.check()
        let now = SystemClock.monotonic().microseconds
        guard now >= self.probeAt else { return }
        self.probeAt = now + Self.probeMilliseconds * 1_000
        do throws(RedisError) {
            _ = try self.open().ask("PING")
            self.setAway(nil)
        } catch { self.lose(error) }
    }

    private func lose(_ error: RedisError) {
        if self.connection != nil { self.pause() }
        self.connection = nil
        self.finder?.seek()
        self.setAway(error)
    }

    private static func send(_ note: Note, over connection: RedisConnection) throws(RedisError) {
        switch note {
        case .raise(let key, let value, let life, let mark):
            var command = RedisArguments()
            let keys = [GateWire.text(key)] + (mark.map { [GateWire.text($0.key)] } ?? [])
            for text in ["EVAL", GateScript.raise, String(keys.count)] + keys { command.add(text) }
            for text in [String(value), String(life), mark?.value ?? ""] { command.add(text) }
            _ = try connection.ask(command)
        case .clear(let key): _ = try connection.ask("DEL", GateWire.text(key))
        }
    }

    private func setAway(_ error: RedisError?) {
        let changed = self.state.withLockedValue { state in
            defer { state.isAway = error != nil }
            return state.isAway != (error != nil)
        }
        guard changed else { return }
        if let error {
            self.logger.error("the limits are those of this gate alone: \(error)")
        } else {
            self.logger.info("the limits are shared with the other gates again")
        }
    }

    private func pause() { self.openAgainAt = SystemClock.monotonic().microseconds + Self.pauseMilliseconds * 1_000 }

    private func open() throws(RedisError) -> RedisConnection {
        if let connection { return connection }
        if let finder {
            guard let found = finder.take() else {
                finder.seek()
                throw .closed("a search for it is under way")
            }
            (self.connection, self.script) = (found.connection, found.digests[0])
            return found.connection
        }
        guard SystemClock.monotonic().microseconds >= self.openAgainAt,
            case .address(let address) = self.server.place
        else { throw .closed("it did not answer a moment ago") }
        self.pause()
        let made = try RedisConnection(
            address, login: self.server.login, timeoutMilliseconds: Self.timeoutMilliseconds)
        self.script = try made.load([GateScript.ask])[0]
        self.connection = made
        return made
    }
}
