import CurlClient
import Foundation
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
}
