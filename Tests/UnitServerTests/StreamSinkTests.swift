import DaemonSupport
import NIOConcurrencyHelpers
import RedisClient
import TestSupport
import Testing
import TrancheAPI
import TrancheCore
import UnitServer

/// Events in a stream of a real Redis.
@Suite("Stream sink") struct StreamSinkTests {
    private static let key = "orders"

    private func event(_ number: UInt64) -> OutboxEvent {
        let order = Order(
            id: OrderID(high: 1, low: number), buyer: BuyerID("ann")!, lot: LotID(1), quantity: 1, buyerLimit: 1,
            generation: Generation(1), stamp: Stamp(rawValue: number), deadline: Instant(microseconds: 9))
        return LedgerEntry.reserved(order).events(at: number, generation: Generation(1))[0]
    }

    private func sink(_ redis: PrivateRedis, key: String = Self.key) throws -> StreamSink {
        let address = try #require(RedisConnection.Address(redis.socket))
        return StreamSink(StreamSettings(address: address, key: key), timeoutMilliseconds: 5_000, unit: UnitID(3))
    }

    private func answer(_ sink: StreamSink, _ number: UInt64) async -> RelayMachine.Answer {
        await withCheckedContinuation { continuation in
            sink.deliver(self.event(number)) { continuation.resume(returning: $0) }
        }
    }

    private func isNo(_ answer: RelayMachine.Answer, _ part: String) -> Bool {
        if case .no(let reason, _) = answer { reason.contains(part) } else { false }
    }

    /// The fields of each entry.
    private func entries(_ redis: PrivateRedis) throws -> [[String: String]] {
        let address = try #require(RedisConnection.Address(redis.socket))
        let reply = try RedisConnection(address, timeoutMilliseconds: 5_000).ask("XRANGE", Self.key, "-", "+")
        return (reply.array ?? []).map { entry in
            let texts = (entry.array?.last?.array ?? []).map { $0.text ?? "" }
            return Dictionary(
                uniqueKeysWithValues: stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) })
        }
    }

    @Test("an event is an entry with its id, type, order and the webhook's body, in the order of the deliveries")
    func eventsAreEntries() async throws {
        let redis = try PrivateRedis()
        let sink = try self.sink(redis)
        defer { sink.stop() }
        for number in 1...5 as ClosedRange<UInt64> { #expect(await self.answer(sink, number) == .yes) }
        let entries = try self.entries(redis)
        #expect(entries.map { $0["id"] } == (1...5).map { "3:1:\($0):0" })
        let first = try #require(entries.first)
        #expect(first["type"] == "tranche.order.reserved")
        #expect(first["order"] == "\(OrderID(high: 1, low: 1))")
        #expect(first["event"] == String(decoding: WebhookBody.json(self.event(1), unit: UnitID(3)), as: UTF8.self))
    }

    @Test("many deliveries at a time all get their answer") func manyAtATime() async throws {
        let redis = try PrivateRedis()
        let sink = try self.sink(redis)
        defer { sink.stop() }
        await withTaskGroup(of: RelayMachine.Answer.self) { group in
            for number in 1...200 as ClosedRange<UInt64> { group.addTask { await self.answer(sink, number) } }
            for await answer in group { #expect(answer == .yes) }
        }
        #expect(Set(try self.entries(redis).map { $0["id"] }).count == 200)
    }

    @Test("a Redis that is away is a no, and one that came back takes the next event")
    func redisComesBack() async throws {
        let redis = try PrivateRedis()
        let sink = try self.sink(redis)
        defer { sink.stop() }
        #expect(await self.answer(sink, 1) == .yes)
        redis.kill()
        #expect(self.isNo(await self.answer(sink, 2), "no answer from Redis"))
        try redis.start()
        #expect(await self.answer(sink, 3) == .yes)
        redis.kill()
        try redis.start()
        // The old connection has ended: the event gets a new one at once.
        #expect(await self.answer(sink, 4) == .yes)
        #expect(try self.entries(redis).map { $0["id"] } == ["3:1:4:0"])
    }

    @Test("a Redis that became a replica is left after its first refusal, which says why")
    func replicaIsLeft() async throws {
        let redis = try PrivateRedis()
        let address = try #require(RedisConnection.Address(redis.socket))
        let operations = try RedisConnection(address, timeoutMilliseconds: 5_000)
        let sink = try self.sink(redis)
        defer { sink.stop() }
        #expect(await self.answer(sink, 1) == .yes)
        _ = try operations.ask("REPLICAOF", "127.0.0.1", "1")
        // The old one lives on behind its open connections, as behind an address that has moved.
        let replica = try redis.startAnother()
        defer { replica.crash() }
        #expect(self.isNo(await self.answer(sink, 2), "the Redis refused the entry: READONLY"))
        #expect(await self.answer(sink, 3) == .yes)
        #expect(try self.entries(redis).map { $0["id"] } == ["3:1:3:0"])
    }

    @Test("a user of the Redis needs +info and +xadd on the stream's key, and no more") func leastRights() throws {
        let redis = try PrivateRedis()
        let address = try #require(RedisConnection.Address(redis.socket))
        let operations = try RedisConnection(address, timeoutMilliseconds: 5_000)
        let login = RedisConnection.Login(user: "queue", password: "password of a test")
        _ = try operations.ask("ACL", "SETUSER", login.user, "on", ">" + login.password, "~" + Self.key, "+xadd")
        #expect(throws: RedisError.self) { _ = try RedisConnection(address, login: login, timeoutMilliseconds: 5_000) }
        _ = try operations.ask("ACL", "SETUSER", login.user, "+info")
        let connection = try RedisConnection(address, login: login, timeoutMilliseconds: 5_000)
        let entry = try connection.ask("XADD", Self.key, "MAXLEN", "~", "1000", "*", "id", "1")
        #expect(entry.text?.isEmpty == false)
        #expect(throws: RedisError.self) { _ = try connection.ask("XADD", "other", "*", "id", "1") }
        #expect(throws: RedisError.self) { _ = try connection.ask("DEL", Self.key) }
    }

    @Test("a key of another kind is a no, and so is everything after the stop") func refusals() async throws {
        let redis = try PrivateRedis()
        let address = try #require(RedisConnection.Address(redis.socket))
        _ = try RedisConnection(address, timeoutMilliseconds: 5_000).ask("SET", Self.key, "text")
        let sink = try self.sink(redis)
        #expect(self.isNo(await self.answer(sink, 1), "the Redis refused the entry: WRONGTYPE"))
        sink.stop()
        #expect(self.isNo(await self.answer(sink, 2), "the unit stops"))
    }

    @Test("a password that was replaced is shown by the next connection") func passwordIsReplaced() async throws {
        let redis = try PrivateRedis()
        let address = try #require(RedisConnection.Address(redis.socket))
        let operations = try RedisConnection(address, timeoutMilliseconds: 5_000)
        _ = try operations.ask("CONFIG", "SET", "requirepass", "the old password")
        let password = NIOLockedValueBox("the old password")
        let settings = StreamSettings(address: address, key: Self.key) {
            RedisConnection.Login(user: "", password: password.withLockedValue { $0 })
        }
        let sink = StreamSink(settings, timeoutMilliseconds: 5_000, unit: UnitID(3))
        defer { sink.stop() }
        #expect(await self.answer(sink, 1) == .yes)

        // Both count; the unit's file changes; the old one is removed, and the connection ends.
        _ = try operations.ask("ACL", "SETUSER", "default", ">the new password")
        password.withLockedValue { $0 = "the new password" }
        _ = try operations.ask("ACL", "SETUSER", "default", "<the old password")
        _ = try operations.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        #expect(await self.answer(sink, 2) == .yes)
    }
}
