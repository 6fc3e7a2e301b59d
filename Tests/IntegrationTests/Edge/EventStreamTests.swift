import CurlClient
import Foundation
import TestSupport
import Testing
import TrancheAPI
import TrancheCore

/// Server-sent events on real connections.
@Suite("Event streams", .timeLimit(.minutes(3))) struct EventStreamTests {
    @Test("a stream without news stays open and gets heartbeats; it is freed when its reader has gone")
    func quietStreamHearsHeartbeat()
        async throws
    {
        let cluster = try await TestCluster.start(
            stock: 6, limit: 1, contest: ["--contest", "global"], delays: [1, 1, 1])
        defer { cluster.stop() }
        // Without a coordinator nothing is decided.
        cluster.signalAll("tranche-coordinator", SIGKILL)
        let unit = cluster.units[0]
        let claims = cluster.claims(buyer: "anna", unit: unit.id.rawValue)
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        #expect(try await cluster.buy(unit, token: token).status == 202)
        func streams() async throws -> Int {
            let text = try await cluster.call("GET", unit.internalURL + "/metrics", secret: nil, body: nil).body
            let line = try /tranche_event_streams ([0-9]+)/.firstMatch(in: String(decoding: text, as: UTF8.self))
            return line.flatMap { Int($0.output.1) } ?? 0
        }
        let port = try #require(URL(string: unit.url)?.port)
        var readers = try (0..<3).map { _ in try RawConnection(port) }
        for reader in readers {
            try await reader.send("GET /v1/orders/\(claims.order)/events HTTP/1.1\r\nHost: x\r\n\r\n")
        }
        try await cluster.wait(for: "three streams") { try await streams() == 3 }
        readers.removeLast(2)
        try await cluster.wait(for: "the end of two of them") { try await streams() == 1 }
        try await eventually("a heartbeat", seconds: 30) { readers[0].peek.contains(": still waiting") }
        #expect(!readers[0].hasEnded)
        #expect(try await streams() == 1)
    }

    @Test("streams that an operator switches off end within seconds, and orders can still be read")
    func switchedOffStreamsEnd() async throws {
        let cluster = try await TestCluster.start(
            stock: 6, limit: 1, contest: ["--contest", "global"], delays: [1, 1, 1])
        defer { cluster.stop() }
        cluster.signalAll("tranche-coordinator", SIGKILL)
        let unit = cluster.units[0]
        let claims = cluster.claims(buyer: "anna", unit: unit.id.rawValue)
        let token = TokenCodec(secret: cluster.secret("TRANCHE_TOKEN_SECRET")).mint(claims)
        #expect(try await cluster.buy(unit, token: token).status == 202)
        let reader = try RawConnection(try #require(URL(string: unit.url)?.port))
        try await reader.send("GET /v1/orders/\(claims.order)/events HTTP/1.1\r\nHost: x\r\n\r\n")
        try await eventually("the first event") { reader.peek.contains("event: order") }
        #expect(!reader.peek.contains("\r\n0\r\n\r\n"))
        let rules = try TemporaryFolder.make() + "/gate.json"
        try Data("{\"switches\":{\"events\":false}}".utf8).write(to: URL(fileURLWithPath: rules))
        #expect(try cluster.run(["sale", "edit", "test", "--gate", rules]).status == 0)
        let switchedAt = ContinuousClock.now
        try await eventually("the end of the stream") { reader.peek.contains("\r\n0\r\n\r\n") || reader.hasEnded }
        #expect(ContinuousClock.now - switchedAt < .seconds(2))
        let events = try await cluster.call(
            "GET", "\(unit.url)/v1/orders/\(claims.order)/events", secret: nil, body: nil)
        #expect(events.status == 503)
        #expect(try JSON.decode(Problem.self, from: events.body).code == "overloaded")
        #expect(try await cluster.state(unit, claims.order) == "contested")
    }
}
