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

    static func prime(fence: UInt64, available: Int, owner: UInt64 = 1, surveyed: RedisMark? = nil) -> RedisPrime {
        RedisPrime(
            lot: Self.lot, fence: fence, owner: owner, surveyed: surveyed, available: available, ledger: LedgerID(5),
            generation: Generation(2), witness: Self.head)
    }

    static func step(fence: UInt64, sequence: UInt64 = 0, owner: UInt64 = 1, _ before: Int, _ after: Int) -> RedisStep {
        RedisStep(
            lot: Self.lot, owner: owner, fence: fence, sequence: sequence, before: before, after: after,
            witness: Self.head)
    }

    @Test("random steps and primings of two processes get the same answers", arguments: 1...4 as ClosedRange<UInt64>)
    func scriptsAndModelAgree(seed: UInt64) throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        var dice = Dice(state: seed)
        var (fence, sequence, stock, owner): (UInt64, UInt64, Int, UInt64) = (1 << 24, 0, 30, 1)
        let run = try server.run
        var model = RedisModel()
        func prime(_ prime: RedisPrime) throws -> RedisResult {
            let expected = model.handle(prime, run: run)
            #expect(try calls.answer(prime) == expected)
            return expected
        }
        _ = try prime(Self.prime(fence: fence, available: stock))
        var seen: Set<RedisResult> = []
        for _ in 0..<500 {
            if dice.roll(20) == 0 {
                let next = UInt64(1 + dice.roll(2))
                // As surveyed, as it was before, after a step that never was, or never surveyed.
                let mark = model.mark.flatMap { mark -> RedisMark? in
                    [
                        mark, RedisMark(owner: mark.owner, steps: mark.steps - 1),
                        RedisMark(owner: mark.owner, steps: mark.steps + 1), nil,
                    ][dice.roll(4)]
                }
                let available = dice.roll(40)
                let result = try prime(
                    Self.prime(fence: fence + UInt64(dice.roll(3)), available: available, owner: next, surveyed: mark))
                seen.insert(result)
                if let lot = model[Self.lot], result != .superseded {
                    (fence, sequence, stock, owner) = (lot.fence, 0, available, next)
                }
            }
            let step = Self.step(
                fence: [fence - 1, fence + 1][safe: dice.roll(30)] ?? fence,
                sequence: sequence + UInt64([1, 2][safe: dice.roll(30)] ?? 0),
                owner: dice.roll(30) == 0 ? 9 : owner,
                stock + ([-1, 1][safe: dice.roll(30)] ?? 0), stock + dice.roll(9) - 4)
            let expected = model.handle(step)
            #expect(try calls.answer(step) == expected)
            seen.insert(expected)
            if expected == .stepped { (sequence, stock) = (sequence + 1, step.after) }
        }
        #expect(seen == [.stepped, .lost, .superseded, .primed(run)])
        #expect(try calls.survey() == model.survey(run: run))
    }

    @Test("a step stores the ledger's head and the admitted requests, and a survey returns them")
    func surveyReturnsTheTail() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        var model = RedisModel()
        let run = try server.run
        #expect(try calls.survey() == model.survey(run: run))
        let admitted = (1...3).map { number in
            let request = BuyRequest(
                Purchase(
                    order: OrderID(high: .max, low: UInt64(number)), buyer: BuyerID("b|\(number)")!, lot: Self.lot,
                    quantity: number, issuedAt: .distantPast), stamp: Stamp(rawValue: UInt64(number)), ticket: 0)
            let order = Order(
                id: request.order, buyer: request.buyer, lot: Self.lot, quantity: number, buyerLimit: 3,
                generation: Generation(1), stamp: request.stamp, deadline: .distantFuture)
            return Admission(request: request, order: order)
        }
        let next = LedgerHead(position: 44, digest: .init(high: .max, low: 7))
        let prime = Self.prime(fence: 5, available: 9)
        #expect(try calls.answer(prime) == model.handle(prime, run: run))
        let step = RedisStep(
            lot: Self.lot, owner: 1, fence: 5, sequence: 0, before: 9, after: 3, witness: next, admitted: admitted)
        #expect(try calls.answer(step) == model.handle(step))
        // A step that is refused stores nothing.
        #expect(try calls.answer(Self.step(fence: 5, 9, 3)) == .lost)
        let survey = try calls.survey()
        #expect(survey == model.survey(run: run))
        #expect(survey?.admitted == admitted.map(\.request))
        #expect(survey?.witness == next && survey?.newestFence == 5)
    }

    @Test("a damaged record is skipped, and the others are read", arguments: [0, .max] as [UInt32])
    func damagedRecordIsSkipped(quantity: UInt32) throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        _ = try calls.answer(Self.prime(fence: 5, available: 9))
        func record(_ order: UInt8, _ quantity: UInt32) -> [UInt8] {
            let words = [UInt8](repeating: order, count: 16) + [UInt8](repeating: 0, count: 8)
            let record = words + withUnsafeBytes(of: quantity.bigEndian) { Array($0) } + Array("b".utf8)
            return [UInt8(record.count)] + record
        }
        var arguments = RedisArguments()
        for text in ["HSET", "tranche:{1}:witness", "9:tail"] { arguments.add(text) }
        arguments.add(record(1, quantity) + record(2, 1))
        let connection = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        _ = try connection.ask(arguments)
        let admitted = try #require(try calls.survey()?.admitted)
        #expect(admitted.map(\.quantity) == [1] && admitted.first?.order.high == 0x0202_0202_0202_0202)
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
        let mark = try #require(try other.survey()).mark
        #expect(mark == nil, "nobody had it")
        let prime = Self.prime(fence: 9, available: 1, owner: 2)
        #expect(try other.answer(prime) == .primed(try server.run))
        #expect(try calls.answer(step) == .lost, "no step is sent to a process of Redis before a priming there")
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
        _ = try connection.ask("HSET", "tranche:{1}:witness", "\(Self.lot)", "9007199254740993 0 3")
        #expect(try calls.answer(Self.step(fence: 5, 3, 3)) == .lost)
        #expect(try calls.survey()?.newestFence == 0)
        #expect(try calls.answer(Self.prime(fence: 6, available: 3)) == .primed(try server.run))
    }

    @Test("a unit logs in to a Redis with a password") func passwordAdmitsItsHolder() throws {
        let server = try PrivateRedis()
        let address = RedisConnection.Address(server.socket)!
        let open = try RedisConnection(address, timeoutMilliseconds: 1_000)
        _ = try open.ask("CONFIG", "SET", "requirepass", "a long secret")
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
        _ = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000).ask(
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
