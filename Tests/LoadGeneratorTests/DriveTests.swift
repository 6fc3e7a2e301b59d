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

    @Test("buyers who were refused ask again, and those who have an order make room for new ones") func renewsCreated()
        async throws
    {
        let server = try ScriptedServer([ScriptedServer.problem(503, "overloaded"), ScriptedServer.created])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 1, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [Int64](repeating: 0, count: 24), length: 0))
        (drive.repeats, drive.keepsTimes) = (true, true)
        drive.renewal = { "GET /\($0) HTTP/1.1\r\nHost: test\r\n\r\n" }
        let result = try await drive.run(self.tape(3))
        // Three requests in turns, and each second answer is an order: no number has two.
        #expect(result.statuses == [201: 12, 503: 12] && result.sent == 24)
        #expect(result.created == [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        #expect(server.paths.prefix(9) == ["/0", "/1", "/2", "/0", "/3", "/2", "/4", "/3", "/5"])
        #expect(result.times.map(\.status) == Array(repeating: [503, 201], count: 12).flatMap { $0 })
        #expect(result.times.allSatisfy { $0.seconds * 1_000 >= $0.latencyMilliseconds })
    }

    @Test("a piece of requests is answered in order, and a connection has one piece under way") func pieces()
        async throws
    {
        let server = try ScriptedServer([
            ScriptedServer.created, ScriptedServer.problem(503, "overloaded"), ScriptedServer.problem(410, "sold_out"),
        ])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 2, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [Int64](repeating: 0, count: 33), length: 0))
        drive.batch = 6
        let result = try await drive.run(self.tape(33))
        #expect(result.codes == ["201": 11, "503 overloaded": 11, "410 sold_out": 11])
        #expect(result.sent == 33 && result.unanswered == 0 && result.broken == 0)
        #expect(Set(server.paths) == Set((0..<33).map { "/\($0)" }) && server.paths.count == 33)
    }

    @Test("a connection that breaks within a piece costs the requests without an answer") func breaksWithinPiece()
        async throws
    {
        let server = try ScriptedServer([ScriptedServer.created, ScriptedServer.created, nil])
        defer { server.stop() }
        var drive = Drive(port: server.port, connections: 1, seconds: 20)
        drive.pace = .arrivals(ArrivalProfile("test", due: [Int64](repeating: 0, count: 8), length: 0))
        drive.batch = 4
        let result = try await drive.run(self.tape(8))
        #expect(result.sent == 8 && result.broken == 2)
        #expect(result.codes == ["201": 4] && result.unanswered == 4)
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
