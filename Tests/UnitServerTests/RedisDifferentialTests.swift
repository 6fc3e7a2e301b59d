import DaemonSupport
import Foundation
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// The scripts in a real Redis and the core's model must give the same answers.
@Suite("Redis scripts against their model", .serialized) struct RedisDifferentialTests {
    /// A small generator, so that a failure repeats.
    struct Dice {
        var state: UInt64
        mutating func roll(_ sides: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(sides))
        }
    }

    static let lot = LotID(9)
    static let head = LedgerHead(position: 3, digest: .init(high: 1, low: 2))

    static func prime(fence: UInt64, available: Int) -> RedisPrime {
        RedisPrime(lot: Self.lot, fence: fence, available: available, ledger: LedgerID(5), witness: Self.head)
    }

    static func step(fence: UInt64, sequence: UInt64 = 0, _ before: Int, _ after: Int) -> RedisStep {
        RedisStep(
            lot: Self.lot, fence: fence, sequence: sequence, before: before, after: after, witness: Self.head)
    }

    @Test("random steps and primings get the same answers", arguments: 1...4 as ClosedRange<UInt64>)
    func scriptsAndModelAgree(seed: UInt64) throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        var dice = Dice(state: seed)
        var (fence, sequence, stock): (UInt64, UInt64, Int) = (1 << 24, 0, 30)
        let run = try server.run
        #expect(try calls.answer(Self.prime(fence: fence, available: stock)) == .primed(run))
        var model = RedisModel(prime: Self.prime(fence: fence, available: stock))
        var seen: Set<RedisResult> = []
        for _ in 0..<500 {
            if dice.roll(30) == 0 {
                fence += 1
                (sequence, stock) = (0, dice.roll(40))
                #expect(try calls.answer(Self.prime(fence: fence, available: stock)) == .primed(run))
                #expect(try calls.answer(Self.prime(fence: fence - 1, available: 9)) == .superseded)
                model = RedisModel(prime: Self.prime(fence: fence, available: stock))
            }
            let step = Self.step(
                fence: [fence - 1, fence + 1][safe: dice.roll(30)] ?? fence,
                sequence: sequence + UInt64([1, 2][safe: dice.roll(30)] ?? 0),
                stock + ([-1, 1][safe: dice.roll(30)] ?? 0), stock + dice.roll(9) - 4)
            let expected = model.handle(step)
            #expect(try calls.answer(step) == expected)
            seen.insert(expected)
            if expected == .stepped { (sequence, stock) = (sequence + 1, step.after) }
        }
        #expect(seen == [.stepped, .lost, .superseded])
    }

    @Test("a step stores the ledger's head, and a survey returns it with the newest fence") func surveyReturnsTheHead()
        throws
    {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let run = try server.run
        #expect(try calls.survey() == RedisSurvey(ledger: nil, witness: nil, newestFence: 0, run: run))
        _ = try calls.answer(Self.prime(fence: 5, available: 1))
        let other = RedisPrime(lot: LotID(2), fence: 8, available: 1, ledger: LedgerID(5), witness: Self.head)
        _ = try calls.answer(other)
        #expect(try calls.survey() == RedisSurvey(ledger: LedgerID(5), witness: Self.head, newestFence: 8, run: run))
        let next = LedgerHead(position: 44, digest: .init(high: .max, low: 7))
        let step = RedisStep(lot: Self.lot, fence: 5, sequence: 0, before: 1, after: 0, witness: next)
        #expect(try calls.answer(step) == .stepped)
        #expect(try calls.survey()?.witness == next)
        // A step that is refused stores nothing.
        #expect(try calls.answer(Self.step(fence: 5, 1, 0)) == .lost)
        #expect(try calls.survey()?.witness == next)
    }

    @Test("a Redis that is away, empty, or under a newer fence gives three different results")
    func lostRedisIsToldApart() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let step = Self.step(fence: 5, 1, 1)
        #expect(try calls.answer(step) == .lost, "never primed")
        _ = try calls.answer(Self.prime(fence: 5, available: 1))
        #expect(try calls.answer(step) == .stepped)
        server.kill()
        #expect(try calls.answer(step) == .unreachable)
        #expect(try calls.survey() == nil)
        try server.start()
        calls.pass(milliseconds: 1_500)
        #expect(try calls.answer(step) == .lost, "restarted empty")
        let other = try EngineCalls(server)
        #expect(try other.answer(Self.prime(fence: 9, available: 1)) == .primed(try server.run))
        #expect(try calls.answer(step) == .superseded)
        #expect(try calls.answer(Self.prime(fence: 6, available: 1)) == .superseded)
    }

    @Test("another Redis at the same address is found lost, and primed in its turn") func anotherRedisIsPrimedAnew()
        throws
    {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let old = try server.run
        #expect(try calls.answer(Self.prime(fence: 5, available: 3)) == .primed(old))
        // The first one stays alive behind the open connection, which leads there until it ends.
        let first = try server.startAnother()
        #expect(try calls.answer(Self.step(fence: 5, 3, 2)) == .stepped)
        #expect(try calls.answer(Self.prime(fence: 6, available: 2)) == .primed(old))
        first.crash()
        #expect(try calls.answer(Self.step(fence: 6, 2, 1)) == .unreachable)
        calls.pass(milliseconds: 1_500)
        #expect(try calls.answer(Self.step(fence: 6, 2, 1)) == .lost)
        let new = try server.run
        #expect(new != old)
        #expect(try calls.answer(Self.prime(fence: 7, available: 1)) == .primed(new))
        #expect(try calls.answer(Self.step(fence: 7, 1, 0)) == .stepped)
    }

    @Test("an impossible fence counts as damaged data, and does not end the unit") func impossibleFenceIsDamage() throws
    {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        _ = try calls.answer(Self.prime(fence: 5, available: 3))
        let connection = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        _ = try connection.send("HSET", "tranche:1:lot:\(Self.lot):state", "fence", "9007199254740993")
        _ = try connection.send("HSET", "tranche:1:fences", "\(Self.lot)", "9007199254740993")
        #expect(try calls.answer(Self.step(fence: 5, 3, 3)) == .lost)
        #expect(try calls.survey()?.newestFence == 0)
        #expect(try calls.answer(Self.prime(fence: 6, available: 3)) == .primed(try server.run))
    }

    @Test("a unit logs in to a Redis with a password") func passwordAdmitsItsHolder() throws {
        let server = try PrivateRedis()
        let address = RedisConnection.Address(server.socket)!
        let open = try RedisConnection(address, timeoutMilliseconds: 1_000)
        _ = try open.send("CONFIG", "SET", "requirepass", "a long secret")
        func survey(_ login: RedisConnection.Login?) throws -> RedisSurvey? {
            try EngineCalls(RedisServer(address, login: login)).survey()
        }
        #expect(try survey(nil) == nil)
        #expect(try survey(.init(user: "", password: "another")) == nil)
        #expect(try survey(.init(user: "", password: "a long secret")) != nil)
        #expect(try survey(.init(user: "default", password: "a long secret")) != nil)
    }

    @Test("answers come in the order of the calls, and a script that Redis forgot is loaded again")
    func answersComeInOrderOfCalls() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        _ = try calls.answer(Self.prime(fence: 5, available: 9))
        for sequence in 0..<5 { calls.send(Self.step(fence: 5, sequence: UInt64(sequence), 9, 9)) }
        calls.send(Self.step(fence: 4, 9, 9))
        #expect(try calls.take(6) == Array(repeating: .stepped, count: 5) + [.superseded])
        _ = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000).send(
            "SCRIPT", "FLUSH")
        let next = Self.step(fence: 5, sequence: 5, 9, 9)
        #expect(try calls.answer(next) == .unreachable)
        #expect(try calls.answer(next) == .stepped)
    }

    @Test("a connection to a Redis that does not answer in time is dropped, and a late answer changes nothing")
    func overdueCallChangesNothing() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        _ = try calls.answer(Self.prime(fence: 5, available: 9))
        calls.send(Self.step(fence: 5, 9, 9))
        let overdueAt = try #require(calls.calls.overdueAt)
        #expect(calls.calls.takeResults(now: overdueAt.advanced(milliseconds: -1)).isEmpty)
        #expect(calls.calls.takeResults(now: overdueAt).count == 1)
        #expect(calls.calls.overdueAt == nil)
        #expect(calls.calls.takeResults(now: overdueAt).isEmpty, "the late answer went with its connection")
    }

    @Test(
        "addresses of Redis are parsed",
        arguments: [
            ("/run/r.sock", true), ("localhost:6379", true), ("localhost", false), ("a:0", false), ("a:b", false),
            ("", false),
        ])
    func addressesAreParsed(text: String, isGood: Bool) { #expect((RedisConnection.Address(text) != nil) == isGood) }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { self.indices.contains(index) ? self[index] : nil }
}
