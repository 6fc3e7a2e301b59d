import RedisClient
import Sockets
import TestSupport
import TrancheCore
import UnitServer

/// An engine's calls to Redis, without an engine.
final class EngineCalls {
    let calls: RedisCalls
    private let poller: Poller
    private var now = Instant(milliseconds: 1_700_000_000_000)

    init(_ server: RedisServer) throws {
        self.poller = try Poller()
        self.calls = RedisCalls(server, unit: UnitID(1), poller: self.poller, token: 0)
    }

    convenience init(_ server: PrivateRedis) throws {
        try self.init(RedisServer(RedisConnection.Address(server.socket)!))
    }

    func send(_ step: RedisStep) { self.calls.send(.step(step), now: self.now) }

    func pass(milliseconds: Int64) { self.now = self.now.advanced(milliseconds: milliseconds) }

    func answer(_ step: RedisStep) throws -> RedisResult {
        self.send(step)
        return try self.take(1)[0]
    }

    func answer(_ prime: RedisPrime) throws -> RedisResult {
        self.calls.send(.prime(prime), now: self.now)
        return try self.take(1)[0]
    }

    func survey() throws -> RedisSurvey? {
        self.calls.send(.survey, now: self.now)
        guard case .surveyed(let survey)? = self.events(1).first else { throw RedisError.closed("no survey") }
        return survey
    }

    func take(_ count: Int) throws -> [RedisResult] {
        let results = self.events(count).compactMap {
            if case .redisResult(_, _, let result) = $0 { result } else { nil }
        }
        guard results.count == count else { throw RedisError.closed("\(results.count) of \(count) answers") }
        return results
    }

    private func events(_ count: Int) -> [UnitMachine.Event] {
        var events: [UnitMachine.Event] = []
        for _ in 0..<200 where events.count < count {
            if !self.calls.hasResults { self.poller.wait(microseconds: 50_000) { _ in self.calls.read() } }
            events += self.calls.takeResults(now: self.now)
        }
        return events
    }
}

extension PrivateRedis {
    /// The process that has the address now.
    var run: RedisRun {
        get throws {
            RedisRun(try RedisConnection(RedisConnection.Address(self.socket)!, timeoutMilliseconds: 1_000).runID)
        }
    }
}
