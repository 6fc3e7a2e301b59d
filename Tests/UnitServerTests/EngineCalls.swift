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

    func send(_ step: RedisStep) { self.calls.send(.steps(JoinedSteps(step)), now: self.now) }

    func pass(milliseconds: Int64) { self.now = self.now.advanced(milliseconds: milliseconds) }

    func answer(_ step: RedisStep) throws -> RedisResult {
        self.send(step)
        return try self.take(1)[0]
    }

    /// The answers to one call with these steps, as they come.
    func answer(_ steps: [RedisStep]) throws -> [LotResult] {
        self.calls.send(.steps(JoinedSteps(steps[...])), now: self.now)
        return try self.results(steps.count)
    }

    func answer(_ prime: RedisPrime) throws -> RedisResult {
        self.calls.send(.prime(prime), now: self.now)
        return try self.take(1)[0]
    }

    func survey() throws -> RedisSurvey? {
        self.calls.send(.survey, now: self.now)
        for _ in 0..<200 {
            for case .surveyed(let survey) in self.events() { return survey }
        }
        throw RedisError.closed("no survey")
    }

    func take(_ count: Int) throws -> [RedisResult] { try self.results(count).map(\.result) }

    private func results(_ count: Int) throws -> [LotResult] {
        var results: [LotResult] = []
        for _ in 0..<200 where results.count < count {
            for event in self.events() {
                switch event {
                case .redisResult(let lot, let fence, let result):
                    results.append(LotResult(lot: lot, fence: fence, result: result))
                case .redisResults(let call): results += call
                default: break
                }
            }
        }
        guard results.count == count else { throw RedisError.closed("\(results.count) of \(count) answers") }
        return results
    }

    private func events() -> [UnitMachine.Event] {
        if !self.calls.hasResults { self.poller.wait(microseconds: 50_000) { _ in self.calls.readReplies() } }
        return self.calls.takeResults(now: self.now)
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
