import LoadGenerator
import Testing

@Suite("The generator's driver") struct DriveTests {
    private func tape(_ count: Int) -> RequestTape {
        var tape = RequestTape()
        for number in 0..<count { tape.append("GET /\(number) HTTP/1.1\r\nHost: test\r\n\r\n") }
        return tape
    }

    @Test("answers are counted by status and problem code, and each request of the profile is sent once")
    func countsByCode() async throws {
        let server = try ScriptedServer([
            ScriptedServer.created, ScriptedServer.problem(410, "sold_out"), ScriptedServer.problem(503, "overloaded"),
            ScriptedServer.problem(503, "restocking"),
        ])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 3, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: (0..<40).map { $0 * 500 }, length: 20_000))
        let result = try await drive.run(self.tape(40))
        #expect(result.codes == ["201": 10, "410 sold_out": 10, "503 overloaded": 10, "503 restocking": 10])
        #expect(result.statuses == [201: 10, 410: 10, 503: 20])
        #expect(result.sent == 40 && result.unanswered == 0 && result.broken == 0 && result.created.count == 10)
        #expect(try #require(result.lastCreatedSeconds) <= #require(result.lastAnswerSeconds))
    }

    @Test("a connection that breaks costs one request, and another one takes its place") func replacesBroken()
        async throws
    {
        let server = try ScriptedServer([ScriptedServer.created, nil])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 1, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [Int64](repeating: 0, count: 10), length: 0))
        let result = try await drive.run(self.tape(10))
        #expect(result.codes == ["201": 5])
        #expect(result.sent == 10 && result.broken == 5 && result.unanswered == 5)
    }

    @Test("no request is sent before it is due") func waitsUntilDue() async throws {
        let server = try ScriptedServer([ScriptedServer.created])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 4, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [0, 0, 60_000, 120_000], length: 120_000))
        let result = try await drive.run(self.tape(4))
        #expect(try #require(result.lastAnswerSeconds) >= 0.12)
    }

    @Test("a run ends with the profile, also on a longer tape") func endsWithProfile() async throws {
        let server = try ScriptedServer([ScriptedServer.created])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 2, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [0, 1, 2], length: 2))
        #expect(try await drive.run(self.tape(9)).sent == 3)
    }

    @Test("buyers who were refused ask again, and those who have an order do not") func skipsCreated() async throws {
        let server = try ScriptedServer([ScriptedServer.problem(503, "overloaded"), ScriptedServer.created])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 1, seconds: 20)
        (drive.repeats, drive.skipsCreated, drive.keepsTimes) = (true, true, true)
        let result = try await drive.run(self.tape(5))
        #expect(result.created.sorted() == [0, 1, 2, 3, 4])
        #expect(result.statuses == [201: 5, 503: 5] && result.sent == 10)
        #expect(result.times.map(\.status) == Array(repeating: [503, 201], count: 5).flatMap { $0 })
        #expect(result.times.allSatisfy { $0.seconds * 1_000 >= $0.latencyMilliseconds })
    }

    @Test("requests of a storm that are late never leave, and their delay is in no latency") func stormIsHonest()
        async throws
    {
        let server = try ScriptedServer([ScriptedServer.created])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 1, seconds: 1)
        drive.pace = .storm(perSecond: 1_000_000)
        drive.repeats = true
        let result = try await drive.run(self.tape(1))
        #expect(result.sent > 10 && result.sent < 500_000)
        #expect(result.createdP50Milliseconds < 100, "with their delay it would be about 500")
    }
}
