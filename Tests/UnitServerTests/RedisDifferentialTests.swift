import DaemonSupport
import Foundation
import RedisClient
import Sockets
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// The script in a real Redis and the core's model must give the same answers.
@Suite("Redis script against its model", .serialized) struct RedisDifferentialTests {
    /// A small generator, so that a failure repeats.
    struct Dice {
        var state: UInt64
        mutating func roll(_ sides: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(sides))
        }
    }

    static let lot = LotID(9)

    private func prime(fence: UInt64, available: Int, holdings: [LotPrime.Holding] = []) -> LotPrime {
        LotPrime(
            lot: Self.lot, fence: fence, available: available, holdings: holdings, ledger: LedgerID(5),
            witness: LedgerHead(position: 3, digest: .init(high: 1, low: 2)))
    }

    private func isPrimed(_ result: LotResult) -> Bool { if case .primed = result { true } else { false } }

    @Test("random calls get the same answers", arguments: 1...4 as ClosedRange<UInt64>)
    func scriptAndMachineAgree(seed: UInt64) throws {
        let server = try PrivateRedis()
        let redis = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        let calls = try Calls(server)
        var dice = Dice(state: seed)
        var fence: UInt64 = 1 << 24
        let first = self.prime(fence: fence, available: 30)
        #expect(self.isPrimed(redis.handle(first)))
        var model = RedisModel(prime: first)
        var (sequence, orders, number): (UInt64, [Order], UInt64) = (0, [], 0)
        for _ in 0..<300 {
            if dice.roll(40) == 0 {
                fence += 1
                let holdings = model.holdings.map { buyer, held in
                    var holding = LotPrime.Holding(buyer: buyer, quantity: held.quantity, order: held.orders[0])
                    for order in held.orders.dropFirst() { holding.add(order, quantity: 0) }
                    return holding
                }
                let prime = self.prime(
                    fence: fence, available: model.available, holdings: holdings.sorted { $0.buyer < $1.buyer })
                #expect(self.isPrimed(redis.handle(prime)))
                model = RedisModel(prime: prime)
                sequence = 0
            }
            var requests: [BuyRequest] = []
            for _ in 0..<dice.roll(12) {
                number += 1
                let known = dice.roll(6) == 0 ? orders.last?.id : nil
                requests.append(
                    BuyRequest(
                        order: known ?? OrderID(high: seed, low: number), buyer: BuyerID("buyer|\(dice.roll(25))")!,
                        lot: Self.lot, quantity: 1 + dice.roll(3), issuedAt: .distantPast,
                        stamp: Stamp(rawValue: number), ticket: number))
            }
            let releases = dice.roll(3) == 0 ? Array(orders.prefix(dice.roll(4))) : []
            orders.removeFirst(releases.count)
            let stale = dice.roll(30) == 0
            let call = LotCall(
                lot: Self.lot, fence: stale ? fence - 1 : fence, sequence: dice.roll(30) == 0 ? sequence + 1 : sequence,
                buyerLimit: 3, releases: releases, credit: dice.roll(5),
                reclaimKeep: dice.roll(6) == 0 ? dice.roll(10) : nil,
                requests: requests, witness: .empty, committed: sequence)
            let expected = model.handle(call)
            #expect(try calls.answer(call) == expected)
            guard case .decided(let verdicts, let next, _, _) = expected else {
                orders = releases + orders
                continue
            }
            sequence = next
            for (request, verdict) in zip(requests, verdicts) where verdict == .admitted {
                orders.append(
                    Order(
                        id: request.order, buyer: request.buyer, lot: Self.lot, quantity: Int(request.quantity),
                        buyerLimit: 3,
                        generation: Generation(1), stamp: request.stamp, deadline: .distantFuture))
            }
        }
        let survey = redis.survey()
        #expect(survey?.ledger == LedgerID(5))
        #expect(survey?.admitted.map(\.order) == model.queue.map(\.request.order))
    }

    @Test("a Redis that is away, empty, or under a newer fence gives three different results")
    func lostRedisIsToldApart() throws {
        let server = try PrivateRedis()
        let redis = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        let calls = try Calls(server)
        let call = LotCall(lot: Self.lot, fence: 5, sequence: 0, buyerLimit: 1)
        #expect(try calls.answer(call) == .lost, "never primed")
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 1))))
        #expect(try calls.answer(call) == .decided(verdicts: [], sequence: 1, available: 1, taken: 0))
        server.kill()
        #expect(try calls.answer(call) == .unreachable)
        try server.start()
        #expect(try calls.answer(call) == .lost, "restarted empty")
        let other = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        #expect(self.isPrimed(other.handle(self.prime(fence: 9, available: 1))))
        #expect(try calls.answer(call) == .superseded)
        #expect(redis.handle(self.prime(fence: 6, available: 1)) == .superseded)
    }

    @Test("a lot is sold only from the process of Redis in which it was primed")
    func lotsSellFromPrimedProcessOnly() throws {
        let server = try PrivateRedis()
        let shared = RedisServer(RedisConnection.Address(server.socket)!)
        let redis = RedisPrimer(shared, unit: UnitID(1))
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 3))))
        // A second Redis takes the address over, while the first one stays alive behind an open connection.
        let first = try server.startAnother()
        defer { first.crash() }
        let calls = try Calls(server, shared)
        let call = LotCall(lot: Self.lot, fence: 5, sequence: 0, buyerLimit: 1)
        #expect(try calls.answer(call) == .unreachable, "it was primed elsewhere")
        #expect(self.isPrimed(redis.handle(self.prime(fence: 6, available: 3))))
        calls.pass(milliseconds: 1_500)
        let next = LotCall(lot: Self.lot, fence: 6, sequence: 0, buyerLimit: 1)
        #expect(try calls.answer(next) == .decided(verdicts: [], sequence: 1, available: 3, taken: 0))
    }

    @Test("an impossible fence counts as damaged data, and does not end the unit") func impossibleFenceIsDamage() throws
    {
        let server = try PrivateRedis()
        let redis = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        let calls = try Calls(server)
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 3))))
        let connection = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        _ = try connection.send("HSET", "tranche:1:lot:\(Self.lot):state", "fence", "9007199254740993")
        let call = LotCall(lot: Self.lot, fence: 5, sequence: 0, buyerLimit: 1)
        #expect(try calls.answer(call) == .lost)
        #expect(redis.survey()?.newestFence == 0)
        #expect(self.isPrimed(redis.handle(self.prime(fence: 6, available: 3))))
    }

    @Test("a damaged record in the queue is skipped, and the others are read", arguments: [0, .max] as [UInt32])
    func damagedRecordIsSkipped(quantity: UInt32) throws {
        let server = try PrivateRedis()
        let address = RedisConnection.Address(server.socket)!
        let redis = RedisPrimer(RedisServer(address), unit: UnitID(1))
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 9))))
        func record(_ order: UInt8, _ quantity: UInt32) -> [UInt8] {
            let words = [UInt8](repeating: order, count: 16) + [UInt8](repeating: 0, count: 16)
            let record = words + withUnsafeBytes(of: quantity.bigEndian) { Array($0) } + Array("b".utf8)
            return [UInt8(record.count)] + record
        }
        var arguments = RedisArguments()
        for text in ["XADD", "tranche:1:lot:9:queue", "7-1", "admitted"] { arguments.append(text) }
        arguments.append(record(1, quantity) + record(2, 1))
        let connection = try RedisConnection(address, timeoutMilliseconds: 1_000)
        try connection.append(arguments)
        #expect(try connection.reply().text == "7-1")
        let admitted = try #require(redis.survey()?.admitted)
        #expect(admitted.map(\.quantity) == [1] && admitted.first?.order.high == 0x0202_0202_0202_0202)
    }

    @Test("a unit logs in to a Redis with a password") func passwordAdmitsItsHolder() throws {
        let server = try PrivateRedis()
        let address = RedisConnection.Address(server.socket)!
        let open = try RedisConnection(address, timeoutMilliseconds: 1_000)
        _ = try open.send("CONFIG", "SET", "requirepass", "a long secret")
        #expect(RedisPrimer(RedisServer(address), unit: UnitID(1)).survey() == nil)
        let wrong = RedisServer(address, login: .init(user: "", password: "another"))
        #expect(RedisPrimer(wrong, unit: UnitID(1)).survey() == nil)
        for login in [
            RedisConnection.Login(user: "", password: "a long secret"),
            .init(user: "default", password: "a long secret"),
        ] { #expect(RedisPrimer(RedisServer(address, login: login), unit: UnitID(1)).survey() != nil) }
    }

    @Test("answers come in the order of the calls, and a script that Redis forgot is loaded again")
    func answersComeInOrderOfCalls()
        throws
    {
        let server = try PrivateRedis()
        let redis = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 9))))
        let calls = try Calls(server)
        for sequence in 0..<5 {
            calls.send(LotCall(lot: Self.lot, fence: 5, sequence: UInt64(sequence), buyerLimit: 1, credit: 1))
        }
        let answers = try calls.take(5)
        #expect(
            answers
                == (1...5).map { .decided(verdicts: [], sequence: UInt64($0), available: 9 + $0, taken: 0) })
        _ = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000).send(
            "SCRIPT", "FLUSH")
        let next = LotCall(lot: Self.lot, fence: 5, sequence: 5, buyerLimit: 1)
        #expect(try calls.answer(next) == .unreachable)
        #expect(try calls.answer(next) == .decided(verdicts: [], sequence: 6, available: 14, taken: 0))
    }

    @Test("a connection to a Redis that does not answer in time is dropped, and a late answer changes nothing")
    func overdueCallChangesNothing()
        throws
    {
        let server = try PrivateRedis()
        let redis = RedisPrimer(RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1))
        #expect(self.isPrimed(redis.handle(self.prime(fence: 5, available: 9))))
        let calls = try Calls(server)
        let call = LotCall(lot: Self.lot, fence: 5, sequence: 0, buyerLimit: 1)
        #expect(try calls.answer(call) != .unreachable)
        calls.send(call)
        let overdueAt = try #require(calls.calls.overdueAt)
        #expect(calls.calls.takeResults(now: overdueAt.advanced(milliseconds: -1)).isEmpty)
        #expect(calls.calls.takeResults(now: overdueAt).count == 1)
        #expect(calls.calls.overdueAt == nil)
        #expect(calls.calls.takeResults(now: overdueAt).isEmpty, "the late answer went with its connection")
    }

    /// The calls of an engine, without an engine.
    final class Calls {
        let calls: RedisCalls
        private let poller: Poller
        private var now = Instant(milliseconds: 1_700_000_000_000)

        init(_ server: PrivateRedis, _ shared: RedisServer? = nil) throws {
            self.poller = try Poller()
            self.calls = RedisCalls(
                shared ?? RedisServer(RedisConnection.Address(server.socket)!), unit: UnitID(1), poller: self.poller,
                token: 0)
        }

        func send(_ call: LotCall) { self.calls.send(call, now: self.now) }

        func pass(milliseconds: Int64) { self.now = self.now.advanced(milliseconds: milliseconds) }

        func answer(_ call: LotCall) throws -> LotResult {
            self.send(call)
            return try self.take(1)[0]
        }

        func take(_ count: Int) throws -> [LotResult] {
            var results: [LotResult] = []
            for _ in 0..<200 where results.count < count {
                if !self.calls.hasResults { self.poller.wait(microseconds: 50_000) { _ in self.calls.read() } }
                for case .lotResult(_, _, let result) in self.calls.takeResults(now: self.now) {
                    results.append(result)
                }
            }
            guard results.count == count else { throw RedisError.closed("\(results.count) of \(count) answers") }
            return results
        }
    }

    @Test(
        "addresses of Redis are parsed",
        arguments: [
            ("/run/r.sock", true), ("localhost:6379", true), ("localhost", false), ("a:0", false), ("a:b", false),
            ("", false),
        ])
    func addressesAreParsed(text: String, isGood: Bool) { #expect((RedisConnection.Address(text) != nil) == isGood) }
}
