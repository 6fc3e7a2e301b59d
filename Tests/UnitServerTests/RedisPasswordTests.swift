import NIOConcurrencyHelpers
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// The password of a Redis, which is replaced while a unit uses it.
@Suite("A Redis whose password changes") struct RedisPasswordTests {
    private typealias Steps = RedisDifferentialTests

    private static let old = "the old password"
    private static let new = "the new password"

    @Test("a Redis that does not know the login repeats its arguments, and the error does not show them")
    func passwordIsNotShown() throws {
        let redis = try PrivateRedis(settings: ["--rename-command", "AUTH", ""])
        let address = RedisConnection.Address(redis.socket)!
        let error = #expect(throws: RedisError.self) {
            _ = try RedisConnection(address, login: .init(user: "unit", password: Self.old), timeoutMilliseconds: 1_000)
        }
        let text = error?.description ?? ""
        #expect(text.contains("unknown command") && !text.contains(Self.old), "\(text)")
    }

    @Test("an open connection lives on, the next one takes the new password, and the old one is refused")
    func passwordIsReplaced() throws {
        let redis = try PrivateRedis()
        let address = RedisConnection.Address(redis.socket)!
        let operations = try RedisConnection(address, timeoutMilliseconds: 1_000)
        _ = try operations.ask("CONFIG", "SET", "requirepass", Self.old)
        let password = NIOLockedValueBox(Self.old)
        let server = try RedisServer(
            text: { $0 == "redis.address" ? redis.socket : "" },
            secret: { $0 == "tranche.redis.password" ? password.withLockedValue { $0 } : nil }, mayLeaveMachine: false)
        let calls = try EngineCalls(server)
        _ = try calls.answer(Steps.prime(fence: 5, available: 9))
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 0, 9, 9)) == .stepped)

        // Both count; the unit's file changes; the old one is removed.
        _ = try operations.ask("ACL", "SETUSER", "default", ">" + Self.new)
        password.withLockedValue { $0 = Self.new }
        _ = try operations.ask("ACL", "SETUSER", "default", "<" + Self.old)
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 1, 9, 9)) == .stepped, "the connection is open")

        _ = try operations.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        var result = RedisResult.unreachable
        for _ in 0..<20 where result == .unreachable {
            result = try calls.answer(Steps.step(fence: 5, sequence: 2, 9, 9))
        }
        #expect(result == .stepped, "a new connection, with the new password")
        let late = RedisServer(address, login: .init(user: "", password: Self.old))
        #expect(try EngineCalls(late).survey() == nil)
    }
}
