import DaemonSupport
import Logging
import NIOConcurrencyHelpers
import RedisClient
import Sockets
import Threads

/// A request's questions to the Redis that all gates of a region share.
struct GateQuestion: Sendable {
    struct Limit: Sendable {
        let key: String
        let intervalMicroseconds: Int64
        let toleranceMicroseconds: Int64
    }
    /// A key that is set once. Whoever comes later gets the first value.
    struct Mark: Sendable {
        let key: String
        let value: String
        let lifeMilliseconds: Int
    }
    var limits: [Limit] = []
    var counter: String?
    var mark: Mark?
}

struct GateReply: Sendable {
    /// Milliseconds to wait; 0: within all limits.
    var waitMilliseconds = 0
    var counter = 0
    /// The value that the mark had before; `nil` if the request set it.
    var earlier: String?
    /// Redis did not answer: only the gate's own limits count.
    var isAlone = false
}

/// The thread that asks the gate's Redis: one call of one script at a time, for all requests that wait.
///
/// While a call is under way the next batch gathers, so batches grow with load. A Redis that does not answer costs nobody
/// more than ``timeoutMilliseconds``: its requests get a reply that says so, and for ``pauseMilliseconds`` no request
/// waits for it.
final class GateRedis: @unchecked Sendable {  // The thread has the connection; the queue has a lock.
    /// Requests that wait at most. One more is refused as overloaded.
    static let waitingLimit = 20_000
    static let batchLimit = 256
    static let timeoutMilliseconds = 250
    static let pauseMilliseconds: Int64 = 500

    typealias Deliver = @Sendable ([(ticket: UInt64, reply: GateReply)]) -> Void
    private struct Waiting {
        let ticket: UInt64
        let question: GateQuestion
        let deliver: Int
    }
    private struct State {
        var waiting: [Waiting] = []
        var raises: [(key: String, lifeMilliseconds: Int)] = []
        var receivers: [Deliver] = []
        var isStopping = false
        var isAway = false
    }

    let owner = ThreadOwner("the gate's Redis")
    private let address: RedisConnection.Address
    private let login: RedisConnection.Login?
    private let poller: Poller
    private let logger: Logger
    private let state = NIOLockedValueBox(State())
    private var connection: RedisConnection?
    private var script = ""
    private var openAgainAt: Int64 = 0

    init(_ address: RedisConnection.Address, login: RedisConnection.Login?, logger: Logger) throws(SocketError) {
        (self.address, self.login, self.logger) = (address, login, logger)
        self.poller = try Poller()
    }

    /// Whether only the limits of this gate count now.
    var isAway: Bool { self.state.withLockedValue { $0.isAway } }

    /// - Returns: The number under which the receiver asks.
    func add(_ receiver: @escaping Deliver) -> Int {
        self.state.withLockedValue { state in
            state.receivers.append(receiver)
            return state.receivers.count - 1
        }
    }

    /// - Returns: `false` if too many requests wait.
    func ask(_ questions: [(ticket: UInt64, question: GateQuestion)], for receiver: Int) -> Bool {
        let isFirst = self.state.withLockedValue { state -> Bool? in
            guard state.waiting.count + questions.count <= Self.waitingLimit else { return nil }
            defer {
                state.waiting += questions.map { Waiting(ticket: $0.ticket, question: $0.question, deliver: receiver) }
            }
            return state.waiting.isEmpty
        }
        guard let isFirst else { return false }
        if isFirst { self.poller.wake() }
        return true
    }

    /// Raises a counter, without an answer.
    func raise(_ key: String, lifeMilliseconds: Int) {
        self.state.withLockedValue { state in
            if state.raises.count < Self.waitingLimit { state.raises.append((key, lifeMilliseconds)) }
        }
        self.poller.wake()
    }

    func stop() {
        self.state.withLockedValue { $0.isStopping = true }
        self.poller.wake()
    }

    func run() {
        while true {
            let (batch, raises, isStopping) = self.state.withLockedValue { state in
                let batch = Array(state.waiting.prefix(Self.batchLimit))
                state.waiting.removeFirst(batch.count)
                defer { state.raises = [] }
                return (batch, state.raises, state.isStopping)
            }
            if batch.isEmpty, raises.isEmpty {
                if isStopping { return }
                self.poller.wait(microseconds: 100_000) { _ in }
                continue
            }
            let replies = self.replies(to: batch, raises)
            let receivers = self.state.withLockedValue { $0.receivers }
            for (number, receiver) in receivers.enumerated() {
                let own = zip(batch, replies).filter { $0.0.deliver == number }.map { ($0.0.ticket, $0.1) }
                if !own.isEmpty { receiver(own) }
            }
        }
    }

    private func replies(to batch: [Waiting], _ raises: [(key: String, lifeMilliseconds: Int)]) -> [GateReply] {
        self.owner.check()
        do throws(RedisError) {
            let connection = try self.open()
            for (key, life) in raises {
                _ = try connection.send("EVAL", GateScript.raise, "1", key, String(life))
            }
            guard !batch.isEmpty else { return [] }
            try connection.append(self.arguments(batch))
            let replies = Self.replies(try connection.reply(), count: batch.count)
            guard let replies else { throw .closed("an answer of another shape") }
            self.setAway(false)
            return replies
        } catch {
            self.connection = nil
            self.openAgainAt = max(
                self.openAgainAt, SystemClock.monotonic().microseconds + Self.pauseMilliseconds * 1_000)
            self.setAway(true, error)
            return batch.map { _ in GateReply(isAlone: true) }
        }
    }

    private func setAway(_ isAway: Bool, _ error: RedisError? = nil) {
        let changed = self.state.withLockedValue { state in
            defer { state.isAway = isAway }
            return state.isAway != isAway
        }
        guard changed else { return }
        if let error {
            self.logger.error("the limits are those of this gate alone: \(error)")
        } else {
            self.logger.info("the limits are shared with the other gates again")
        }
    }

    private func open() throws(RedisError) -> RedisConnection {
        if let connection { return connection }
        guard SystemClock.monotonic().microseconds >= self.openAgainAt else { throw .closed("it did not answer before") }
        let made = try RedisConnection(
            self.address, login: self.login, timeoutMilliseconds: Self.timeoutMilliseconds)
        guard let digest = try made.send("SCRIPT", "LOAD", GateScript.text).text else {
            throw .refused("the answer to SCRIPT LOAD is not a digest")
        }
        (self.connection, self.script) = (made, digest)
        return made
    }

    private func arguments(_ batch: [Waiting]) -> RedisArguments {
        var arguments = RedisArguments()
        for text in ["EVALSHA", self.script, "0"] { arguments.append(text) }
        arguments.append(Int(SystemClock.now().microseconds))
        for question in batch.map(\.question) {
            arguments.append(question.limits.count)
            for limit in question.limits {
                arguments.append(limit.key)
                arguments.append(Int(limit.intervalMicroseconds))
                arguments.append(Int(limit.toleranceMicroseconds))
            }
            arguments.append(question.counter ?? "")
            arguments.append(question.mark?.key ?? "")
            if let mark = question.mark {
                arguments.append(mark.value)
                arguments.append(mark.lifeMilliseconds)
            }
        }
        return arguments
    }

    private static func replies(_ reply: RedisReply, count: Int) -> [GateReply]? {
        guard let values = reply.array, values.count == 3 * count else { return nil }
        return (0..<count).map { index in
            let earlier = values[3 * index + 2].text ?? ""
            return GateReply(
                waitMilliseconds: Int(values[3 * index].integer ?? 0), counter: Int(values[3 * index + 1].integer ?? 0),
                earlier: earlier.isEmpty ? nil : earlier)
        }
    }
}
