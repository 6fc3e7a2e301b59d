import Clusters
import Foundation
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// A unit's calls to a Redis behind real Sentinels, and in a real cluster.
@Suite("A Redis that must be searched for", .serialized, .timeLimit(.minutes(5))) struct RedisSearchCallsTests {
    typealias Steps = RedisDifferentialTests

    private static func server(_ settings: RedisPlaceSettings) throws -> RedisServer {
        RedisServer(
            try settings.place(mayLeaveMachine: false), login: .init(user: "", password: RedisFamily.password),
            sentinelLogin: .init(user: "", password: RedisFamily.sentinelPassword))
    }

    private static func calls(_ family: RedisFamily) throws -> EngineCalls {
        // Nobody listens at the first address.
        let settings = RedisPlaceSettings(sentinels: "127.0.0.1:1," + family.sentinels, master: RedisFamily.master)
        return try EngineCalls(try Self.server(settings))
    }

    private static func run(_ family: RedisFamily, _ port: Int) throws -> RedisRun {
        let line = try family.ask(port, "INFO", "server").first { $0.hasPrefix("run_id:") } ?? ""
        return RedisRun(String(line.dropFirst("run_id:".count).filter { !$0.isWhitespace }))
    }

    /// The first answer of a Redis to a step: a call whose connection ends meanwhile has none, and is repeated as a unit
    /// would.
    private static func answer(_ calls: EngineCalls, _ step: RedisStep) throws -> RedisResult {
        for _ in 0..<200 {
            let result = try calls.answer(step)
            if result != .unreachable { return result }
            usleep(50_000)
        }
        throw RedisError.closed("200 calls had no answer")
    }

    @Test("a promoted replica that lost the last writes is found out, and primed anew")
    func promotedReplicaIsFoundOut() throws {
        let family = try RedisFamily()
        defer { family.stop() }
        let calls = try Self.calls(family)
        let old = try #require(try family.agreedMaster())
        let survey = try #require(try calls.survey())
        let first = try Self.run(family, old)
        #expect(survey.mark == nil && survey.run == first)
        #expect(try calls.answer(Steps.prime(fence: 5, available: 9)) == .primed(survey.run))
        #expect(try calls.answer(Steps.step(fence: 5, 9, 8)) == .stepped)
        try RedisTool.wait(for: "the step at both replicas") {
            try family.nodePorts.allSatisfy { port in
                try family.ask(port, "HGET", "tranche:{1}:witness", "\(Steps.lot)") == ["5 1 8"]
            }
        }
        try family.cutReplicas(of: old)
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 1, 8, 3)) == .stepped, "only the master has it")
        family.kill(old)
        var new: Int?
        try RedisTool.wait(for: "a promotion") {
            new = try family.agreedMaster()
            return new != nil && new != old
        }
        try family.healReplicas()
        let run = try Self.run(family, try #require(new))

        // A process that was not there before asks the Redis itself.
        let stranger = try Self.calls(family)
        #expect(try Self.answer(stranger, Steps.step(fence: 5, sequence: 2, 3, 2)) == .lost)
        #expect(try Self.answer(calls, Steps.step(fence: 5, sequence: 2, 3, 2)) == .lost)
        #expect(try calls.answer(Steps.prime(fence: 6, available: 3)) == .primed(run))
        #expect(try calls.answer(Steps.step(fence: 6, 3, 2)) == .stepped)
    }

    @Test(
        "after a promotion that lost nothing, a lot is primed before its next step, so that the ledger names the process"
    )
    func promotedReplicaIsPrimedBeforeItsStep() throws {
        let family = try RedisFamily()
        defer { family.stop() }
        let calls = try Self.calls(family)
        let old = try #require(try family.agreedMaster())
        let first = try Self.run(family, old)
        #expect(try calls.answer(Steps.prime(fence: 5, available: 9)) == .primed(first))
        #expect(try calls.answer(Steps.step(fence: 5, 9, 8)) == .stepped)
        // The Sentinels change roles: both nodes live on.
        try family.askSentinel(family.sentinelPorts[0], "FAILOVER", RedisFamily.master)
        var new: Int?
        try RedisTool.wait(for: "a change of roles") {
            new = try family.agreedMaster()
            guard let new, new != old else { return false }
            return try family.ask(old, "ROLE").first == "slave"
        }
        let run = try Self.run(family, try #require(new))
        #expect(try Self.answer(calls, Steps.step(fence: 5, sequence: 1, 8, 7)) == .lost)
        #expect(try calls.answer(Steps.prime(fence: 6, available: 8)) == .primed(run))
        #expect(try calls.answer(Steps.step(fence: 6, 8, 7)) == .stepped)
    }

    @Test("Sentinels that do not answer do not stop the thread that calls") func silentSentinelsStopNobody() throws {
        let family = try RedisFamily()
        defer { family.stop() }
        let calls = try Self.calls(family)
        for port in family.sentinelPorts { family.signal(port, SIGSTOP) }
        let start = ContinuousClock.now
        calls.send(Steps.step(fence: 5, 9, 8))
        // To ask all of them takes three times 250 ms, and more with a login.
        #expect(ContinuousClock.now - start < .milliseconds(500))
        let overdueAt = try #require(calls.calls.overdueAt)
        #expect(calls.calls.takeResults(now: overdueAt).count == 1, "the call has its result in time")
        for port in family.sentinelPorts { family.signal(port, SIGCONT) }
        #expect(try calls.survey() != nil)
    }

    @Test("a node that became a replica refuses a step, which counts as a lost connection") func replicaRefusesStep()
        throws
    {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        _ = try calls.answer(Steps.prime(fence: 5, available: 9))
        #expect(try calls.answer(Steps.step(fence: 5, 9, 8)) == .stepped)
        let control = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        _ = try control.ask("REPLICAOF", "127.0.0.1", "1")
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 1, 8, 7)) == .unreachable)
        _ = try control.ask("REPLICAOF", "NO", "ONE")
        calls.pass(milliseconds: 1_500)
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 1, 8, 7)) == .stepped)
    }

    @Test("in a cluster the node with the unit's keys is found from any node, also after they moved")
    func nodeWithTheKeysIsFound() throws {
        let nodes = try RedisNodes()
        let key = "tranche:{1}:witness"
        let source = try #require(try nodes.owner(of: key))
        let target = try #require(nodes.ports.first { $0 != source })
        let place = try RedisPlaceSettings(cluster: "127.0.0.1:\(target)").place(mayLeaveMachine: false)
        let calls = try EngineCalls(RedisServer(place))
        func run(_ port: Int) throws -> RedisRun {
            let address = RedisConnection.Address("127.0.0.1:\(port)")!
            return RedisRun(try RedisConnection(address, timeoutMilliseconds: 1_000).runID)
        }
        let (first, second) = (try run(source), try run(target))
        #expect(try calls.survey()?.run == first)
        #expect(try calls.answer(Steps.prime(fence: 5, available: 9)) == .primed(first))
        #expect(try calls.answer(Steps.step(fence: 5, 9, 8)) == .stepped)
        #expect(try calls.survey()?.newestFence == 5, "a survey finds the keys of all lots")

        try nodes.moveSlot(of: key, from: source, to: target)
        #expect(try calls.answer(Steps.step(fence: 5, sequence: 1, 8, 7)) == .unreachable, "it names the other node")
        #expect(try Self.answer(calls, Steps.step(fence: 5, sequence: 1, 8, 7)) == .lost)
        #expect(try calls.answer(Steps.prime(fence: 6, available: 8)) == .primed(second))
        #expect(try calls.answer(Steps.step(fence: 6, 8, 7)) == .stepped)
    }

    @Test(
        "settings that say no place, or two, are refused with their names",
        arguments: [
            (RedisPlaceSettings(), "redis.address is missing"),
            (RedisPlaceSettings(address: "/r.sock", cluster: "127.0.0.1:1"), "redis.address and redis.cluster are set"),
            (RedisPlaceSettings(sentinels: "127.0.0.1:1"), "redis.master is missing"),
            (RedisPlaceSettings(address: "/r.sock", master: "m"), "redis.sentinels is missing"),
            (RedisPlaceSettings(sentinels: "127.0.0.1", master: "m"), "redis.sentinels has \"127.0.0.1\""),
            (RedisPlaceSettings(cluster: "127.0.0.1:1,,"), "redis.cluster has \"\""),
            (RedisPlaceSettings(cluster: "10.0.0.1:1"), "which leaves this machine in the clear"),
            (
                RedisPlaceSettings(
                    cluster: (1...17).map { "127.0.0.1:\($0)" }.joined(separator: ",")), "has 17 addresses, at most 16"
            ),
            (
                RedisPlaceSettings(sentinels: "127.0.0.1:1", master: String(repeating: "m", count: 254)),
                "redis.master has 254 bytes, at most 253"
            ),
        ])
    func settingsAreRefusedWithTheirNames(settings: RedisPlaceSettings, reason: String) {
        let error = #expect(throws: RedisSettingError.self) { _ = try settings.place(mayLeaveMachine: false) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
}
