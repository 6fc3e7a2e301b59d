import DaemonSupport
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// Another process of Redis takes the address over, and the first one stays alive behind open connections.
@Suite("A Redis that moves", .serialized) struct RedisMoveTests {
    private static let lot = LotID(9)

    private func prime(_ redis: RedisPrimer, fence: UInt64, buyers: Int = 0) -> LotResult {
        let holdings = (0..<buyers).map {
            LotPrime.Holding(buyer: BuyerID("b\($0)")!, quantity: 1, order: OrderID(high: 1, low: UInt64($0)))
        }
        return redis.handle(
            LotPrime(
                lot: Self.lot, fence: fence, available: 3, holdings: holdings, ledger: LedgerID(5),
                witness: LedgerHead(position: 3, digest: .init(high: 1, low: 2))))
    }

    private func call(fence: UInt64, sequence: UInt64 = 0) -> LotCall {
        LotCall(lot: Self.lot, fence: fence, sequence: sequence, buyerLimit: 1)
    }

    private static let decided = LotResult.decided(verdicts: [], sequence: 1, available: 3, taken: 0)

    /// The process that has the address now.
    private func run(_ server: PrivateRedis) throws -> RedisRun {
        RedisRun(try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000).runID)
    }

    @Test("a priming ends in the Redis in which it began; a request for a new connection applies to the next priming")
    func primingEndsWhereItBegan() throws {
        let server = try PrivateRedis()
        let relay = try RedisRelay(server)
        defer { relay.stop() }
        let shared = RedisServer(relay.address)
        let redis = RedisPrimer(shared, unit: UnitID(1))
        let old = try self.run(server)
        #expect(self.prime(redis, fence: 5) == .primed(old))
        let first = try server.startAnother()
        defer { first.crash() }
        let new = try self.run(server)
        #expect(new != old)
        let calls = try RedisDifferentialTests.Calls(server, shared)
        var answers: [LotResult?] = []
        // The first command of the filling is under way when the thread that sells meets the other process.
        relay.when("EXPIRE") { answers.append(try? calls.answer(self.call(fence: 5))) }
        // Begun in the old one and ended in the new one, it would look like a newer unit's lot, and end this unit.
        #expect(self.prime(redis, fence: 6, buyers: 2_000) == .primed(old))
        #expect(answers == [.unreachable])
        #expect(self.prime(redis, fence: 7, buyers: 2_000) == .primed(new))
        calls.pass(milliseconds: 1_500)
        #expect(try calls.answer(self.call(fence: 7)) == Self.decided)
    }

    @Test("the engine leaves the old Redis when its lot is lost there and was primed in the new one")
    func engineLeavesTheOldRedis() throws {
        let server = try PrivateRedis()
        let shared = RedisServer(RedisConnection.Address(server.socket)!)
        let old = try self.run(server)
        #expect(self.prime(RedisPrimer(shared, unit: UnitID(1)), fence: 5) == .primed(old))
        let calls = try RedisDifferentialTests.Calls(server, shared)
        #expect(try calls.answer(self.call(fence: 5)) == Self.decided)
        let first = try server.startAnother()
        defer { first.crash() }
        #expect(self.prime(RedisPrimer(shared, unit: UnitID(1)), fence: 6) == .primed(try self.run(server)))
        // Both calls are on the old connection: the first one's answer is the last that is taken from it.
        for _ in 0..<2 { calls.send(self.call(fence: 6)) }
        #expect(try calls.take(2) == [.lost, .unreachable])
        #expect(try calls.answer(self.call(fence: 6)) == Self.decided)
    }

    @Test("a lot that is lost in the Redis in which it was primed does not end the connection")
    func lotLostWherePrimedKeepsConnection() throws {
        let server = try PrivateRedis()
        let shared = RedisServer(RedisConnection.Address(server.socket)!)
        let redis = RedisPrimer(shared, unit: UnitID(1))
        _ = self.prime(redis, fence: 5)
        let calls = try RedisDifferentialTests.Calls(server, shared)
        for _ in 0..<2 { calls.send(self.call(fence: 6)) }
        #expect(try calls.take(2) == [.lost, .lost])
    }
}
